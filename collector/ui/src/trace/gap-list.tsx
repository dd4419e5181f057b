//! What should have arrived and did not, with the reason and the way to the place.

import { GAP_MEANING, GAP_TITLE } from "../evidence";
import { formatNumber } from "../format";
import { Icon } from "../icon";
import type { TraceModel } from "./model";
import type { TraceActions } from "./view";

const MOST_GAPS = 200;

/** One item for each gap. */
export function GapList({ model, actions }: { model: TraceModel; actions: TraceActions }) {
  const { gaps } = model.lifecycle;
  const reasons = [...new Set(gaps.map((gap) => gap.reason))];
  return (
    <section class="gap-list" aria-label="Gaps" tabIndex={0}>
      {reasons.map((reason) => (
        <div key={reason}>
          <h2>
            <Icon name="gap" />
            {GAP_TITLE[reason]}
          </h2>
          <p>{GAP_MEANING[reason]}</p>
          <ul>
            {gaps
              .filter((gap) => gap.reason === reason)
              .slice(0, MOST_GAPS)
              .map((gap) => {
                const node = model.byKey.get(gap.span_id);
                return (
                  <li key={gap.span_id}>
                    <button
                      type="button"
                      class="link-button"
                      disabled={!node}
                      onClick={() => node && actions.select(node)}
                    >
                      {gap.service} <code>{gap.span_id}</code>
                    </button>
                    <span>{gap.detail}</span>
                  </li>
                );
              })}
          </ul>
        </div>
      ))}
      {gaps.length > MOST_GAPS && <p class="muted">{formatNumber(gaps.length)} gaps in all.</p>}
    </section>
  );
}
