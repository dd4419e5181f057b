//! The traces on the list: asked for, announced live, and let in only when nobody is pointing at the rows.

import { computed, signal } from "@preact/signals";

import { ApiError, fetchServices, fetchTraces, type Summary } from "../api";
import { asApiError } from "../message";
import { followTail, type Connection } from "./live";
import { countNew, mergeTraces } from "./order";
import { admits, DEFAULT_LIST, filterParameters, type Filter } from "./state";

// At most this often does the list change or ask again, however many traces are announced.
const LET_IN_DELAY_MS = 700;
const MOST_PENDING = 1000;
const ASK_DEADLINE_MS = 10_000;

/** The traces shown. */
export const traces = signal<readonly Summary[]>([]);
/** Whether an answer is awaited. */
export const isLoading = signal(false);
/** Whether at least one answer came; before that an empty list means nothing. */
export const isLoaded = signal(false);
/** Why the last request failed. */
export const failure = signal<ApiError | null>(null);
/** All service names, for the filter. */
export const services = signal<readonly string[]>([]);
/** Whether announcements arrive; `null` when nobody listens. */
export const connection = signal<Connection | null>(null);
/** Whether the reader stopped the list. */
export const isPaused = signal(false);
/** The trace that the pointer or the focus is on, in the chart or the table. */
export const highlighted = signal("");

const pending = signal<ReadonlyMap<string, Summary>>(new Map());
/** How many announced traces wait to be let in. */
export const newCount = computed(() => countNew(traces.value, pending.value.values()));

let filter: Filter = DEFAULT_LIST;
let request: AbortController | undefined;
let isHeld = false;
let letInTimer: number | undefined;
let askTimer: number | undefined;

/** Asks for the traces of a filter; an earlier request is dropped. */
export async function loadTraces(wanted: Filter): Promise<void> {
  request?.abort();
  const controller = new AbortController();
  request = controller;
  filter = wanted;
  isLoading.value = true;
  try {
    const answer = await fetchTraces(filterParameters(wanted), controller.signal);
    if (controller.signal.aborted) return;
    traces.value = answer;
    pending.value = new Map();
    failure.value = null;
    isLoaded.value = true;
  } catch (error) {
    if (controller.signal.aborted) return;
    // Rows of an older filter below an error of this one would mislead.
    traces.value = [];
    failure.value = asApiError(error);
  }
  isLoading.value = false;
  void loadServices(controller.signal);
}

/** Listens to announcements until the returned function is called. */
export function followTraces(): () => void {
  const stop = followTail(receive, (state) => {
    // Whatever was announced while the connection was lost is in the next answer.
    if (state === "open" && connection.peek() === "lost") askSoon();
    connection.value = state;
  });
  return () => {
    stop();
    connection.value = null;
    window.clearTimeout(letInTimer);
    window.clearTimeout(askTimer);
    letInTimer = undefined;
    askTimer = undefined;
  };
}

/** Keeps the rows where they are, because the reader points at them. */
export function holdRows(): void {
  isHeld = true;
}

/** Lets rows move again. */
export function releaseRows(): void {
  isHeld = false;
  if (pending.peek().size > 0) letInSoon();
}

/** Stops the list, or lets it run again. */
export function togglePause(): void {
  isPaused.value = !isPaused.peek();
  if (!isPaused.peek()) letIn();
}

/** Shows what waits, at once. */
export function letIn(): void {
  traces.value = mergeTraces(traces.peek(), pending.peek().values(), filter.limit);
  pending.value = new Map();
  isLoaded.value = true;
}

function receive(trace: Summary): void {
  const verdict = admits(filter, trace);
  if (verdict === "yes") keep([trace]);
  else if (verdict === "ask") askSoon();
}

function keep(arrived: readonly Summary[]): void {
  const next = new Map(pending.peek());
  for (const trace of arrived) {
    next.delete(trace.trace_id);
    next.set(trace.trace_id, trace);
  }
  for (const oldest of next.keys()) {
    if (next.size <= MOST_PENDING) break;
    next.delete(oldest);
  }
  pending.value = next;
  letInSoon();
}

function letInSoon(): void {
  letInTimer ??= window.setTimeout(() => {
    letInTimer = undefined;
    if (!isHeld && !isPaused.peek()) letIn();
  }, LET_IN_DELAY_MS);
}

function askSoon(): void {
  askTimer ??= window.setTimeout(() => {
    askTimer = undefined;
    void ask();
  }, LET_IN_DELAY_MS);
}

async function ask(): Promise<void> {
  const asked = filter;
  try {
    const answer = await fetchTraces(filterParameters(asked), AbortSignal.timeout(ASK_DEADLINE_MS));
    if (asked === filter) keep(answer);
  } catch {
    // The rows stay as they are; the next announcement asks again, and a lost connection shows beside Live.
  }
}

// The names only help to fill the form; without them the list works all the same.
async function loadServices(signal: AbortSignal): Promise<void> {
  try {
    services.value = await fetchServices(signal);
  } catch (error) {
    if (!(error instanceof ApiError) && !signal.aborted) throw error;
  }
}
