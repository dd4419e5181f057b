//! Which silences keep an alert quiet.

import { expect, test } from "vitest";

import type { Silence } from "../api";
import { endOf, scopeOf, silencesOf } from "./silence";

const alert = { rule: "error-rate", service: "checkout", suspect: "payment" };

function silence(part: Partial<Silence>): Silence {
  return { id: "a", rule: null, service: null, suspect: null, until_unix_s: 100, comment: "", ...part };
}

test.each([
  [{ service: "checkout" }, true],
  [{ service: "payment" }, false],
  [{ suspect: "payment" }, true],
  [{ rule: "error-rate" }, true],
  [{ rule: "error-rate", suspect: "cart" }, false],
  [{ rule: "error-rate", service: "checkout", suspect: "payment" }, true],
])("%j covers the alert: %s", (part, isCovered) => {
  expect(silencesOf(alert, [silence(part)])).toHaveLength(isCovered ? 1 : 0);
});

test("the silence that ends last comes first", () => {
  const silences = [100, 300, 200].map((until_unix_s) => silence({ service: "checkout", until_unix_s }));
  expect(silencesOf(alert, silences).map((one) => one.until_unix_s)).toEqual([300, 200, 100]);
});

test("names what it keeps quiet", () => {
  expect(scopeOf(silence({ rule: "error-rate", suspect: "payment" }))).toBe("rule error-rate, suspect payment");
});

test("tells its end in the reader's zone, with the date when that is another day", () => {
  const nowMs = new Date(2026, 10, 26, 3, 0, 0).getTime();
  const at = (...time: [number, number, number, number, number]) => new Date(...time).getTime() / 1000;
  expect(endOf(silence({ until_unix_s: at(2026, 10, 26, 9, 30) }), nowMs)).toBe("until 09:30");
  expect(endOf(silence({ until_unix_s: at(2026, 10, 27, 9, 30) }), nowMs)).toBe("until 2026-11-27 09:30");
  expect(endOf(silence({ until_unix_s: 2 ** 63 }), nowMs)).toBe("without end");
});
