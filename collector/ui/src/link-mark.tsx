//! The sign of link evidence: a line in the grade's own dashes, and the word.

import type { LinkKind } from "./api";
import { LINK_MEANING } from "./evidence";

/** A line whose dashes tell the grade, followed by its name. */
export function LinkMark(props: { kind: LinkKind }) {
  return (
    <span class={`link-mark link-${props.kind}`} title={LINK_MEANING[props.kind]}>
      <svg class="link-line" viewBox="0 0 22 4" aria-hidden="true" focusable="false">
        <path d="M1 2h20" />
      </svg>
      <span>{props.kind}</span>
    </span>
  );
}
