//! Names a span in words that say more than its low-cardinality name.

import type { Span } from "../api";

/** The operation: the name, and the path when the name is only a method. */
export function operationOf(span: Span): string {
  const path = span.attributes["url.path"];
  const isRpc = span.attributes["rpc.system.name"] !== undefined;
  if (typeof path !== "string" || isRpc || span.name.includes("/")) return span.name;
  return `${span.name} ${path}`;
}

/** The response code to show when something failed: HTTP, else gRPC, else the error's type. */
export function failureCode(span: Span): string | null {
  if (span.status !== "error") return null;
  const keys = ["http.response.status_code", "rpc.response.status_code", "error.type"];
  const code = keys
    .map((key) => span.attributes[key])
    .find((value) => value !== undefined && value !== "OK" && value !== 200);
  return code === undefined ? null : String(code);
}
