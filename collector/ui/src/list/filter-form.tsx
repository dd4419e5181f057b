//! The filter of the list; what is set is in the address.

import { useEffect, useState } from "preact/hooks";

import { formatNumber, parseDurationMs } from "../format";
import { Icon } from "../icon";
import * as model from "./model";
import { AGES, DEFAULT_LIST, isFiltered, LIMITS, type ListState } from "./state";

interface Props {
  state: ListState;
  onChange: (part: Partial<ListState>) => void;
  onSubmit: () => void;
}

/** Service, operation, duration, errors, age and number. */
export function FilterForm(props: Props) {
  const { state, onChange } = props;
  const submit = (event: Event) => {
    event.preventDefault();
    props.onSubmit();
  };
  return (
    <form class="filter-form" onSubmit={submit} aria-label="Filter traces">
      <ServiceField {...props} />
      <OperationField {...props} />
      <DurationField {...props} />
      <AgeField {...props} />
      <LimitField {...props} />
      <label class="check-field">
        <input
          type="checkbox"
          checked={state.errorsOnly}
          onChange={(event) => onChange({ errorsOnly: event.currentTarget.checked })}
        />
        Errors only
      </label>
      <div class="form-actions">
        <button type="submit" class="button is-primary">
          Search
        </button>
        {isFiltered(state) && (
          <button type="button" class="button" onClick={() => onChange({ ...CLEARED })}>
            <Icon name="close" />
            Clear
          </button>
        )}
      </div>
    </form>
  );
}

const CLEARED: Partial<ListState> = {
  service: "",
  operation: "",
  minDurationMs: null,
  maxDurationMs: null,
  errorsOnly: false,
  since: DEFAULT_LIST.since,
  until: "",
};

function ServiceField({ state, onChange }: Props) {
  const names = new Set(model.services.value);
  if (state.service !== "") names.add(state.service);
  return (
    <label class="field">
      <span>Service</span>
      <select
        id="filter-service"
        value={state.service}
        onChange={(event) => onChange({ service: event.currentTarget.value })}
      >
        <option value="">Any service</option>
        {[...names].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function OperationField({ state, onChange }: Props) {
  const [draft, setDraft] = useState(state.operation);
  useEffect(() => setDraft(state.operation), [state.operation]);
  const names = new Set(model.traces.value.flatMap((trace) => (trace.root ? [trace.root.name] : [])));
  return (
    <label class="field is-wide">
      <span>Operation</span>
      <input
        id="filter-operation"
        type="search"
        list="operation-names"
        placeholder="Exact span name"
        autocomplete="off"
        spellcheck={false}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onChange={() => onChange({ operation: draft.trim() })}
      />
      <datalist id="operation-names">
        {[...names].sort().map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

function DurationField({ state, onChange }: Props) {
  const written = durationText(state.minDurationMs);
  const [draft, setDraft] = useState(written);
  const [isFaulty, setFaulty] = useState(false);
  useEffect(() => {
    setDraft(written);
    setFaulty(false);
  }, [written]);
  const commit = () => {
    const minDurationMs = draft.trim() === "" ? null : parseDurationMs(draft);
    const isUnreadable = draft.trim() !== "" && minDurationMs === null;
    setFaulty(isUnreadable);
    if (!isUnreadable) onChange({ minDurationMs });
  };
  return (
    <label class="field is-narrow">
      <span>Slower than</span>
      <input
        id="filter-duration"
        type="text"
        placeholder="250ms, 1.5s"
        autocomplete="off"
        spellcheck={false}
        value={draft}
        aria-invalid={isFaulty}
        aria-describedby="filter-duration-fault"
        onInput={(event) => setDraft(event.currentTarget.value)}
        onChange={commit}
      />
      <span id="filter-duration-fault" class={isFaulty ? "field-fault" : "visually-hidden"} role="status">
        {isFaulty ? "Write a number and a unit, such as 250ms or 1.5s." : ""}
      </span>
    </label>
  );
}

function AgeField({ state, onChange }: Props) {
  const ages = new Map(AGES);
  if (!ages.has(state.since)) ages.set(state.since, `Since ${state.since}`);
  return (
    <label class="field">
      <span>Time</span>
      <select
        id="filter-since"
        value={state.since}
        onChange={(event) => onChange({ since: event.currentTarget.value })}
      >
        {[...ages].map(([age, words]) => (
          <option key={age} value={age}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

function LimitField({ state, onChange }: Props) {
  const limits = [...new Set([...LIMITS, state.limit])].sort((left, right) => left - right);
  return (
    <label class="field is-narrow">
      <span>At most</span>
      <select
        id="filter-limit"
        value={String(state.limit)}
        onChange={(event) => onChange({ limit: Number(event.currentTarget.value) })}
      >
        {limits.map((limit) => (
          <option key={limit} value={String(limit)}>
            {formatNumber(limit)} traces
          </option>
        ))}
      </select>
    </label>
  );
}

function durationText(ms: number | null): string {
  if (ms === null) return "";
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`;
}
