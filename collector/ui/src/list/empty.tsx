//! What the list shows when it has nothing to show.

import { CopyButton } from "../copy-button";
import { formatCount } from "../format";
import { StateMessage } from "../message";
import * as model from "./model";
import { useStatus } from "./status-line";

/** Nothing was ever received: how to send the first span. */
export function EmptyStore() {
  const host = location.hostname;
  const status = useStatus(model.connection.value);
  return (
    <StateMessage title="No traces yet" tone="calm">
      <p class="lead">
        <span class="waiting-dot" aria-hidden="true" />
        {model.connection.value === "lost"
          ? "The connection to the collector is lost; trying again."
          : "Waiting for the first trace. It appears here by itself."}
      </p>
      {status !== null && status.spans_rejected > 0 && (
        <p class="is-warning">
          {formatCount(status.spans_rejected, "span")} were refused. The collector's log and <code>/metrics</code> say
          why.
        </p>
      )}
      <ol class="first-steps">
        <li>
          <h3>From a mesh</h3>
          <p>
            Load the filter into Envoy and let its cluster <code>throughline-collector</code> point to the collector's
            OTLP/gRPC address, port 4317 by default.
          </p>
          <Command text={`${host}:4317`} what="the gRPC address" />
        </li>
        <li>
          <h3>From any OpenTelemetry SDK</h3>
          <p>Set two variables and start the program; OTLP over HTTP is on port 4318 by default.</p>
          <Command
            text={`export OTEL_EXPORTER_OTLP_ENDPOINT=http://${host}:4318\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`}
            what="the variables"
          />
        </li>
        <li>
          <h3>From nothing at all</h3>
          <p>The demo starts a small mesh with its own traffic, and a collector that receives it.</p>
          <Command text="make demo" what="the command" />
        </li>
      </ol>
    </StateMessage>
  );
}

/** There are traces, but none like this. */
export function NothingMatches() {
  return (
    <StateMessage title="No trace matches" tone="calm">
      <p>
        One span must satisfy service, operation, duration and errors together. Widen the filter, or choose a longer
        time.
      </p>
    </StateMessage>
  );
}

function Command(props: { text: string; what: string }) {
  return (
    <div class="command">
      <pre tabIndex={0} role="region" aria-label={props.what}>
        {props.text}
      </pre>
      <CopyButton value={props.text} what={props.what} />
    </div>
  );
}
