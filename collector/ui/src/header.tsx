//! The bar at the top: home, open a trace by its id, theme, help.

import { useRef, useState } from "preact/hooks";

import { openHelp } from "./help";
import { Icon } from "./icon";
import { navigate } from "./navigation";
import type { Route } from "./route";
import { theme, toggleTheme } from "./theme";

/** The bar of every page. */
export function Header(props: { page: Route["page"] }) {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <header class="top-bar">
      <a class="brand" href="/" aria-label="Throughline: recent traces">
        <Icon name="mark" />
        <span>Throughline</span>
      </a>
      <nav aria-label="Pages">
        <a class="nav-link" href="/" aria-current={props.page === "list" ? "page" : undefined}>
          Traces
        </a>
        <a class="nav-link" href="/alerts" aria-current={props.page === "alerts" ? "page" : undefined}>
          Alerts
        </a>
      </nav>
      <OpenById />
      <button
        type="button"
        class="icon-button theme-toggle"
        onClick={toggleTheme}
        aria-label={`Use the ${other} theme`}
        title={`Use the ${other} theme`}
      >
        <Icon name={other === "dark" ? "moon" : "sun"} />
      </button>
      <button type="button" class="icon-button" onClick={openHelp} aria-label="Keyboard help" title="Keyboard help (?)">
        <Icon name="help" />
      </button>
    </header>
  );
}

function OpenById() {
  const input = useRef<HTMLInputElement>(null);
  const [fault, setFault] = useState("");
  const open = (event: Event) => {
    event.preventDefault();
    const traceId = (input.current?.value ?? "").trim().toLowerCase().replaceAll("-", "");
    if (!/^(?!0+$)[0-9a-f]{32}$/.test(traceId)) {
      setFault("A trace id has 32 hexadecimal digits that are not all zero.");
      return;
    }
    setFault("");
    if (input.current) input.current.value = "";
    navigate(`/trace/${traceId}`);
  };
  return (
    <form class="open-by-id" onSubmit={open} role="search" aria-label="Open a trace by its id">
      <input
        ref={input}
        type="text"
        placeholder="Open trace by id"
        aria-label="Trace id"
        aria-invalid={fault !== ""}
        aria-describedby="open-by-id-fault"
        autocomplete="off"
        spellcheck={false}
        maxLength={64}
        onInput={() => setFault("")}
      />
      <span id="open-by-id-fault" class={fault === "" ? "visually-hidden" : "field-fault floating"} role="status">
        {fault}
      </span>
    </form>
  );
}
