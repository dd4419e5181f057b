//! Which page a path names.

/** The page that an address names. */
export type Route =
  | { page: "list" }
  | { page: "trace"; traceId: string }
  | { page: "alerts" }
  | { page: "alert"; id: string }
  | { page: "unknown" };

/** Which page a path names. */
export function routeOf(path: string): Route {
  if (path === "/" || path === "/index.html") return { page: "list" };
  if (path === "/alerts" || path === "/alerts/") return { page: "alerts" };
  const alert = /^\/alerts\/([^/]+)\/?$/.exec(path);
  if (alert?.[1] !== undefined) return { page: "alert", id: alert[1] };
  const found = /^\/trace\/([^/]+)\/?$/.exec(path);
  return found?.[1] === undefined ? { page: "unknown" } : { page: "trace", traceId: found[1] };
}
