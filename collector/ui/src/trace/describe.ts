//! Names a span in words that say more than its low-cardinality name.

import type { Span, Summary } from "../api";

/** The operation: the name, and the path when the name is only a method. */
export function operationOf(span: Span): string {
  const path = span.attributes["url.path"];
  const isRpc = span.attributes["rpc.system.name"] !== undefined;
  if (typeof path !== "string" || isRpc || span.name.includes("/")) return span.name;
  return `${span.name} ${path}`;
}

/** Why a trace without gaps is not complete; what is not read may hold the root, and says nothing of others. */
export function whyIncomplete({ root, truncated }: Summary): string {
  if (truncated === true) return "read in part";
  return root === null ? "no root" : "several roots";
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
