//! What stands in place of data: nothing there yet, or an error with what to do next.

import type { ComponentChildren } from "preact";

import { ApiError } from "./api";
import { Icon } from "./icon";

/** A headline with an explanation. */
export function StateMessage(props: { title: string; tone: "calm" | "error"; children: ComponentChildren }) {
  return (
    <section class={`state-message is-${props.tone}`} role={props.tone === "error" ? "alert" : undefined}>
      <h2>
        {props.tone === "error" && <Icon name="error" />}
        {props.title}
      </h2>
      {props.children}
    </section>
  );
}

/** A failed request: the collector's own words, and a way to try again. */
export function FailureMessage(props: { error: ApiError; onRetry: () => void; children?: ComponentChildren }) {
  const { error } = props;
  return (
    <StateMessage title={error.title} tone="error">
      {error.detail !== "" && <p>{error.detail}</p>}
      {error.status !== 0 && <p class="muted">HTTP status {error.status}</p>}
      {props.children}
      <p class="actions">
        <button type="button" class="button is-primary" onClick={props.onRetry}>
          <Icon name="retry" />
          Try again
        </button>
        <a class="button" href="/">
          Show recent traces
        </a>
      </p>
    </StateMessage>
  );
}

/** What went wrong, as an `ApiError`; a fault of the page itself is told as one too. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "The page failed", error instanceof Error ? error.message : String(error));
}
