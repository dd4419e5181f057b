//! The page of one trace: asks for it, and shows it or says why not.

import { useEffect, useState } from "preact/hooks";

import { fetchLifecycle, type ApiError } from "../api";
import { formatDuration } from "../format";
import { asApiError, FailureMessage } from "../message";
import { modelOf, type TraceModel } from "./model";
import { TraceView } from "./view";

/** The page at `/trace/{id}`. */
export function TracePage({ traceId }: { traceId: string }) {
  const [model, setModel] = useState<TraceModel | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [attempt, setAttempt] = useState(0);
  const retry = () => setAttempt((count) => count + 1);

  useEffect(() => {
    const controller = new AbortController();
    fetchLifecycle(traceId, controller.signal).then(
      (lifecycle) => {
        setFailure(null);
        setModel(modelOf(lifecycle));
      },
      (error: unknown) => {
        if (!controller.signal.aborted) setFailure(asApiError(error));
      },
    );
    return () => controller.abort();
  }, [traceId, attempt]);
  useEffect(() => {
    document.title = titleOf(model, traceId);
  }, [model, traceId]);

  if (failure) {
    return (
      <main class="page">
        <h1 class="page-title">
          Trace <code>{traceId}</code>
        </h1>
        <FailureMessage error={failure} onRetry={retry}>
          {failure.status === 404 && (
            <p>Spans arrive in batches: when the request has only just ended, try again in a moment.</p>
          )}
        </FailureMessage>
      </main>
    );
  }
  if (!model) {
    return (
      <main class="page">
        <p class="muted loading-line">Asking for the trace…</p>
      </main>
    );
  }
  return <TraceView model={model} onReload={retry} />;
}

function titleOf(model: TraceModel | null, traceId: string): string {
  const root = model?.lifecycle.summary.root;
  if (!model || !root) return `Trace ${traceId.slice(0, 8)} · Throughline`;
  return `${root.service} ${root.name}, ${formatDuration(model.lifecycle.summary.duration_ns)} · Throughline`;
}
