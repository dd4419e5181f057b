//! Which silences keep an alert quiet, and in which words.

import type { Alert, Silence } from "../api";
import { formatClock } from "../format";

/** What of an alert a silence can name. */
export type Silenced = Pick<Alert, "rule" | "service" | "suspect">;

/** The silences that cover an alert, the one that ends last first. */
export function silencesOf(alert: Silenced, silences: readonly Silence[]): Silence[] {
  const isNamed = (wanted: string | null, name: string) => wanted === null || wanted === name;
  return silences
    .filter(
      (silence) =>
        isNamed(silence.rule, alert.rule) &&
        isNamed(silence.service, alert.service) &&
        isNamed(silence.suspect, alert.suspect),
    )
    .toSorted((left, right) => right.until_unix_s - left.until_unix_s);
}

/** What a silence keeps quiet: `rule error-rate, service payment`. */
export function scopeOf(silence: Silence): string {
  const named = [
    ["rule", silence.rule],
    ["service", silence.service],
    ["suspect", silence.suspect],
  ];
  return named
    .filter(([, name]) => name !== null)
    .map(([field, name]) => `${field} ${name}`)
    .join(", ");
}

// The last second that a Date can hold.
const LAST_UNIX_S = 8.64e12;

/** `until 19:55`, with the date when it is not today's. */
export function endOf(silence: Silence, nowMs: number): string {
  if (silence.until_unix_s > LAST_UNIX_S) return "without end";
  return `until ${formatClock(1000 * silence.until_unix_s, nowMs).slice(0, -7)}`;
}
