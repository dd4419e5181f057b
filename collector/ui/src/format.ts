//! Writes durations, times and counts for people, and reads durations that people write.

const UNITS: readonly [string, number][] = [
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
];

/** Three significant digits and the unit that fits: `12.3 ms`, `850 ns`, `2 m 05 s`. */
export function formatDuration(durationNs: number): string {
  if (durationNs >= 59.95e9) return formatMinutes(durationNs);
  for (const [unit, unitNs] of UNITS) {
    // Half a digit below the unit already rounds up to it: 999.7 µs is 1.00 ms.
    if (durationNs >= unitNs * 0.9995) return `${significant(durationNs / unitNs)} ${unit}`;
  }
  return `${Math.round(durationNs)} ns`;
}

function formatMinutes(durationNs: number): string {
  const seconds = Math.round(durationNs / 1e9);
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} m`;
  return `${minutes} m ${twoDigits(seconds % 60)} s`;
}

function significant(value: number): string {
  const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return value.toFixed(decimals);
}

/** A round number on a scale, without needless zeros: `5 ms`, `0.2 µs`, `0`. */
export function formatTick(durationNs: number): string {
  if (durationNs === 0) return "0";
  const [unit, unitNs] = UNITS.find(([, size]) => durationNs >= size) ?? ["ns", 1];
  return `${Number((durationNs / unitNs).toPrecision(6))} ${unit}`;
}

/** Milliseconds since 1970 of a decimal string of nanoseconds, with their fraction. */
export function unixMs(unixNs: string): number {
  const ns = BigInt(unixNs);
  return Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;
}

/** Time of day in the reader's zone, `14:03:22.123`; with the date when it is not today's. */
export function formatClock(ms: number, nowMs: number): string {
  const time = new Date(ms);
  const clock = `${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}:${twoDigits(time.getSeconds())}`;
  const withMs = `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  const isToday = time.toDateString() === new Date(nowMs).toDateString();
  return isToday
    ? withMs
    : `${time.getFullYear()}-${twoDigits(time.getMonth() + 1)}-${twoDigits(time.getDate())} ${withMs}`;
}

/** UTC with all nine digits of the second: what to paste into an incident. */
export function formatInstant(unixNs: string): string {
  const ns = BigInt(unixNs);
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, "0")}Z`;
}

/** `1 span`, `1,204 spans`. */
export function formatCount(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits in groups of three. */
export function formatNumber(value: number): string {
  return value.toLocaleString("en-US");
}

/** `12 B`, `3.4 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${significant(value)} ${units[unit]}`;
}

/** Milliseconds of `250`, `250ms`, `1.5 s`, `40us` or `2m`; `null` when it is none of these. */
export function parseDurationMs(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|ms|s|m)?$/i.exec(text.trim());
  if (!found) return null;
  const factors: Record<string, number> = { us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000 };
  const factor = factors[(found[2] ?? "ms").toLowerCase()] ?? 1;
  return Number((Number(found[1]) * factor).toPrecision(12));
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
