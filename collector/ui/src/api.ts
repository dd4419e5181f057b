//! What the collector's API answers, and how to ask it.

import { parseClean } from "./clean";

/** The grades of evidence that tie a call to the request that caused it, strongest first. */
export type LinkKind = "propagated" | "request-id" | "token" | "sole" | "none";

/** One trace in a list. */
export interface Summary {
  trace_id: string;
  start_unix_ns: string;
  duration_ns: number;
  root: { service: string; name: string } | null;
  services: string[];
  spans: number;
  hops: number;
  errors: number;
  depth: number;
  link: LinkKind | null;
  complete: boolean;
  /** It has more spans than are read; all figures are of the first of them. */
  truncated?: boolean;
  gaps: number;
  /** The probability that every link is right. */
  confidence?: number;
}

/** One span of a lifecycle. */
export interface Span {
  span_id: string;
  parent_span_id: string | null;
  service: string;
  name: string;
  kind: "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";
  start_unix_ns: string;
  offset_ns: number;
  duration_ns: number;
  self_ns: number;
  level: number;
  status: "unset" | "ok" | "error";
  status_message: string;
  link: LinkKind | null;
  trace_depth: number | null;
  path: string | null;
  missing_parent: boolean;
  attributes: Record<string, unknown>;
  events: SpanEvent[];
  resource: Record<string, unknown>;
}

/** Something that happened during a span. */
export interface SpanEvent {
  time_unix_ns: string;
  name: string;
  attributes: Record<string, unknown>;
}

/** Something that should have arrived and did not. */
export interface Gap {
  span_id: string;
  service: string;
  reason: "missing-parent" | "no-server-span";
  detail: string;
}

/** Where another trace of the same request was joined to this one, or where that is open. */
export interface Seam {
  trace_id: string;
  span_id: string;
  service: string;
  kind: string;
  confidence: number;
  candidates: number;
  cause_trace_id: string | null;
  joined: boolean;
}

/** One assembled trace. */
export interface Lifecycle {
  summary: Summary;
  spans: Span[];
  /** How many spans the answer leaves out. */
  omitted_spans: number;
  gaps: Gap[];
  seams?: Seam[];
}

/** One minute of a series. */
export interface ChartPoint {
  unix_s: number;
  requests: number;
  share: number;
  expected: number;
  high: number;
}

/** One alert. A list leaves out the chart and the critical path. */
export interface Alert {
  id: string;
  /** The rule's name. */
  rule: string;
  /** The service that answers. */
  service: string;
  state: "pending" | "firing" | "resolved";
  severity: "info" | "warning" | "critical";
  summary: string;
  suspect: string;
  since_unix_s: number;
  resolved_unix_s: number | null;
  /** A silence covered it when the collector last looked. */
  is_silenced: boolean;
  evidence: {
    why: string;
    baseline: string;
    chart: ChartPoint[];
    exemplars: string[];
    first_bad_hop: string | null;
    entry_routes: string[];
    critical_path: { service: string; operation: string; kind: string; depth: number; self_share: number }[];
    suspects: { service: string; score: number; reason: string }[];
  };
}

/** Keeps alerts quiet for a while. What it does not name matches everything. */
export interface Silence {
  id: string;
  rule: string | null;
  service: string | null;
  suspect: string | null;
  until_unix_s: number;
  comment: string;
}

/** The collector's numbers about itself. */
export interface Status {
  version: string;
  uptime_s: number;
  spans_received: number;
  spans_rejected: number;
  spans_live: number;
  blocks: number;
  bytes_on_disk: number;
  traces_complete: number;
  traces_incomplete: number;
}

/** Where new traces are announced. */
export const TAIL_PATH = "/api/v1/tail";

/** An answer other than success, or none at all. `status` is 0 when nothing answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(`${title}: ${detail}`);
  }
}

/** Traces that match, newest first. */
export async function fetchTraces(parameters: URLSearchParams, signal: AbortSignal): Promise<Summary[]> {
  const answer = await getJson<{ traces: Summary[] }>(`/api/v1/traces?${parameters}`, signal);
  return answer.traces;
}

/** One trace. */
export function fetchLifecycle(traceId: string, signal: AbortSignal): Promise<Lifecycle> {
  return getJson(`/api/v1/traces/${encodeURIComponent(traceId)}`, signal);
}

/** All alerts, those that fire first. */
export async function fetchAlerts(signal: AbortSignal): Promise<Alert[]> {
  return (await getJson<{ alerts: Alert[] }>("/api/v1/alerts", signal)).alerts;
}

/** One alert with all its evidence. */
export function fetchAlert(id: string, signal: AbortSignal): Promise<Alert> {
  return getJson(`/api/v1/alerts/${encodeURIComponent(id)}`, signal);
}

/** Silences that have not ended. */
export async function fetchSilences(signal: AbortSignal): Promise<Silence[]> {
  return (await getJson<{ silences: Silence[] }>("/api/v1/silences", signal)).silences;
}

/** Names of all services. */
export async function fetchServices(signal: AbortSignal): Promise<string[]> {
  return (await getJson<{ services: string[] }>("/api/v1/services", signal)).services;
}

/** The collector's numbers. */
export function fetchStatus(signal: AbortSignal): Promise<Status> {
  return getJson("/api/v1/status", signal);
}

async function getJson<Answer>(path: string, signal: AbortSignal): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(path, { signal, headers: { accept: "application/json, application/problem+json" } });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(0, "The collector does not answer", "No connection. Is `throughline serve` still running?");
  }
  if (!response.ok) throw await problemOf(response);
  try {
    return parseClean(await response.text()) as Answer;
  } catch (error) {
    if (signal.aborted) throw error;
    throw new ApiError(response.status, "The answer was cut short", `${path} did not answer with complete JSON.`);
  }
}

// Something between page and collector, such as a gateway, may answer with a body that is no problem document.
async function problemOf(response: Response): Promise<ApiError> {
  const fallback = `HTTP status ${response.status}`;
  const problem = await response
    .text()
    .then(parseClean)
    .catch(() => null);
  if (typeof problem !== "object" || problem === null)
    return new ApiError(response.status, fallback, response.statusText);
  const { title, detail } = problem as { title?: unknown; detail?: unknown };
  return new ApiError(
    response.status,
    typeof title === "string" && title !== "" ? title : fallback,
    typeof detail === "string" ? detail : "",
  );
}
