//! The list of alerts, and one alert with its evidence.

import { useEffect, useState } from "preact/hooks";

import { type Alert, type ApiError, fetchAlert, fetchAlerts, fetchSilences, type Silence } from "../api";
import { formatClock } from "../format";
import { Icon } from "../icon";
import { asApiError, FailureMessage, StateMessage } from "../message";
import { EvidenceChart, percent } from "./chart";
import { endOf, scopeOf, silencesOf } from "./silence";

const ASK_EVERY_MS = 5000;

/** Asks now and again; keeps what it has while a new answer is on its way. */
function useAnswer<Answer>(ask: (signal: AbortSignal) => Promise<Answer>, key: string) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    ask(abort.signal).then(
      (found) => {
        setAnswer(() => found);
        setFailure(null);
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setFailure(asApiError(error));
      },
    );
    const timer = window.setTimeout(() => setRound(round + 1), ASK_EVERY_MS);
    return () => {
      abort.abort();
      window.clearTimeout(timer);
    };
  }, [key, round]);
  return { answer, failure, retry: () => setRound(round + 1) };
}

async function withSilences(
  alerts: Alert[],
  signal: AbortSignal,
): Promise<{ alerts: Alert[]; silences: readonly Silence[] }> {
  const isNeeded = alerts.some((alert) => alert.is_silenced);
  return { alerts, silences: isNeeded ? await fetchSilences(signal) : [] };
}

/** The page at `/alerts`. */
export function AlertsPage() {
  const ask = async (signal: AbortSignal) => withSilences(await fetchAlerts(signal), signal);
  const { answer, failure, retry } = useAnswer(ask, "all");
  useEffect(() => {
    document.title = "Alerts · Throughline";
  }, []);
  return (
    <main class="page">
      <h1 class="visually-hidden">Alerts</h1>
      {failure && <FailureMessage error={failure} onRetry={retry} />}
      {!failure && answer?.alerts.length === 0 && (
        <StateMessage title="No alerts" tone="calm">
          <p>Every service, edge and route is watched against what it has learned; nothing is unusual.</p>
        </StateMessage>
      )}
      {!failure && answer !== null && answer.alerts.length > 0 && <AlertTable {...answer} />}
      {answer === null && !failure && <p class="muted loading-line">Asking for alerts…</p>}
    </main>
  );
}

function AlertTable(props: { alerts: readonly Alert[]; silences: readonly Silence[] }) {
  const isSomeSilenced = props.alerts.some((alert) => alert.is_silenced);
  const titles = ["State", "Severity", "Since", ...(isSomeSilenced ? ["Silenced"] : []), "Suspect", "What"];
  return (
    <div class="table-frame">
      <table class="trace-table alert-table">
        <thead>
          <tr>
            {titles.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.alerts.map((alert) => (
            <tr key={alert.id}>
              <td class={`alert-state is-${alert.state}`}>{alert.state}</td>
              <td class={`is-${alert.severity}`}>{alert.severity}</td>
              <td class="column-time">{clock(alert.since_unix_s)}</td>
              {isSomeSilenced && (
                <td class="alert-silenced">
                  {alert.is_silenced && <SilencedMark silences={silencesOf(alert, props.silences)} />}
                </td>
              )}
              <td class="alert-suspect">{alert.suspect}</td>
              <td class="column-root">
                <a class="row-link" href={`/alerts/${alert.id}`} title={alert.summary}>
                  {alert.summary}
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SilencedMark({ silences }: { silences: readonly Silence[] }) {
  const [last] = silences;
  return (
    <span class="silenced-mark" title={silences.map((silence) => silence.comment).join("; ")}>
      <Icon name="silenced" />
      silenced {last && endOf(last, Date.now())}
    </span>
  );
}

/** The page at `/alerts/{id}`. */
export function AlertPage(props: { id: string }) {
  const ask = async (signal: AbortSignal) => withSilences([await fetchAlert(props.id, signal)], signal);
  const { answer, failure, retry } = useAnswer(ask, props.id);
  const alert = answer?.alerts[0];
  useEffect(() => {
    document.title = "Alert · Throughline";
  }, []);
  if (failure) {
    return (
      <main class="page">
        <FailureMessage error={failure} onRetry={retry} />
      </main>
    );
  }
  return (
    <main class="page">
      {answer && alert ? (
        <OneAlert alert={alert} silences={answer.silences} />
      ) : (
        <p class="muted">Asking for the alert…</p>
      )}
    </main>
  );
}

function OneAlert(props: { alert: Alert; silences: readonly Silence[] }) {
  const { alert } = props;
  const { evidence } = alert;
  return (
    <article class="alert-card">
      <p class="alert-head">
        <span class={`alert-state is-${alert.state}`}>{alert.state}</span>
        <span class={`is-${alert.severity}`}>{alert.severity}</span>
        <span class="muted">
          since {clock(alert.since_unix_s)}
          {alert.resolved_unix_s !== null && `, over at ${clock(alert.resolved_unix_s)}`}
        </span>
      </p>
      <h1>{alert.summary}</h1>
      {alert.is_silenced && <SilenceNote silences={silencesOf(alert, props.silences)} />}
      <p>{evidence.why}.</p>
      <p class="muted">Held against: {evidence.baseline}</p>
      <EvidenceChart points={evidence.chart} sinceUnixS={alert.since_unix_s} />
      <dl class="alert-facts">
        <dt>Suspects</dt>
        <dd>
          <Suspects alert={alert} />
        </dd>
        {evidence.first_bad_hop !== null && <dt>First bad hop</dt>}
        {evidence.first_bad_hop !== null && <dd>{evidence.first_bad_hop}</dd>}
        {evidence.entry_routes.length > 0 && <dt>Affected entries</dt>}
        {evidence.entry_routes.length > 0 && <dd>{evidence.entry_routes.join(", ")}</dd>}
        {evidence.exemplars.length > 0 && <dt>Traces that show it</dt>}
        {evidence.exemplars.length > 0 && (
          <dd class="alert-traces">
            {evidence.exemplars.map((traceId) => (
              <a key={traceId} href={`/trace/${traceId}`}>
                {traceId}
              </a>
            ))}
          </dd>
        )}
      </dl>
      <CriticalPath alert={alert} />
    </article>
  );
}

/** Why nobody was told. */
function SilenceNote({ silences }: { silences: readonly Silence[] }) {
  const nowMs = Date.now();
  const [last] = silences;
  if (last === undefined) {
    return (
      <p class="silence-note">
        <Icon name="silenced" />
        Silenced when the collector last looked; that silence has ended since.
      </p>
    );
  }
  return (
    <div class="silence-note">
      <Icon name="silenced" />
      <div>
        <strong>Silenced {endOf(last, nowMs)}</strong>: while that lasts no receiver is told of this alert, and only
        messages from before it began went out.
        <ul>
          {silences.map((silence) => (
            <li key={silence.id}>
              {silence.comment === "" ? "without a comment" : `“${silence.comment}”`}{" "}
              <span class="muted">
                for {scopeOf(silence)}, {endOf(silence, nowMs)}, silence <code>{silence.id}</code>
              </span>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function Suspects(props: { alert: Alert }) {
  const { suspects } = props.alert.evidence;
  if (suspects.length === 0) return <strong>{props.alert.suspect}</strong>;
  return (
    <ol class="alert-suspects">
      {suspects.map((suspect) => (
        <li key={suspect.service}>
          <strong>{suspect.service}</strong> <span class="muted">{suspect.reason}</span>
        </li>
      ))}
    </ol>
  );
}

function CriticalPath(props: { alert: Alert }) {
  const parts = props.alert.evidence.critical_path;
  if (parts.length === 0) return null;
  return (
    <section>
      <h2>Critical path of these traces together</h2>
      <table class="alert-path">
        <tbody>
          {parts.map((part, place) => (
            <tr key={place}>
              <td class={`depth-${Math.min(part.depth, 12)}`}>
                {part.service} <span class="muted">{part.operation}</span> <span class="muted">{part.kind}</span>
              </td>
              <td class="is-number">
                <meter min={0} max={1} value={part.self_share} /> {percent(part.self_share)} itself
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function clock(unixS: number): string {
  return formatClock(1000 * unixS, Date.now()).slice(0, -4);
}
