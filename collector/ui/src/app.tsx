//! The frame around every page: header, the page itself, help, and short notices.

import { useEffect } from "preact/hooks";

import { AlertPage, AlertsPage } from "./alert/page";
import { HelpDialog, openHelp } from "./help";
import { bindKeys } from "./keyboard";
import { ListPage } from "./list/page";
import { address, currentLink } from "./navigation";
import { copyText, Notice } from "./notice";
import { Header } from "./header";
import { StateMessage } from "./message";
import { routeOf } from "./route";
import { TracePage } from "./trace/page";

/** The whole page. */
export function App() {
  const route = routeOf(address.value.path);
  useEffect(
    () =>
      bindKeys({
        "?": openHelp,
        y: () => void copyText(currentLink(), "Link copied"),
      }),
    [],
  );
  return (
    <>
      <Header page={route.page} />
      {route.page === "list" && <ListPage />}
      {route.page === "trace" && <TracePage key={route.traceId} traceId={route.traceId} />}
      {route.page === "alerts" && <AlertsPage />}
      {route.page === "alert" && <AlertPage key={route.id} id={route.id} />}
      {route.page === "unknown" && <UnknownPage />}
      <HelpDialog />
      <Notice />
    </>
  );
}

function UnknownPage() {
  return (
    <main class="page">
      <StateMessage title="There is no such page" tone="error">
        <p>
          <code>{address.value.path}</code> is neither a list of traces or alerts nor one of them.
        </p>
        <p>
          <a class="button" href="/">
            Show recent traces
          </a>
        </p>
      </StateMessage>
    </main>
  );
}
