//! Which page a path names.

/** The page that an address names. */
export type Route = { page: "list" } | { page: "trace"; traceId: string } | { page: "unknown" };

/** Which page a path names. */
export function routeOf(path: string): Route {
  if (path === "/" || path === "/index.html") return { page: "list" };
  const found = /^\/trace\/([^/]+)\/?$/.exec(path);
  return found?.[1] === undefined ? { page: "unknown" } : { page: "trace", traceId: found[1] };
}
