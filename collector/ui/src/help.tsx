//! The list of keys.

import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";

import { Icon } from "./icon";

const isOpen = signal(false);

const KEYS: readonly [string, readonly [readonly string[], string][]][] = [
  [
    "Everywhere",
    [
      [["/"], "Search or filter"],
      [["y"], "Copy the link to what you see"],
      [["?"], "This help"],
      [["Esc"], "Close, clear, let go"],
    ],
  ],
  [
    "List of traces",
    [
      [["j", "↓"], "Next trace"],
      [["k", "↑"], "Previous trace"],
      [["Enter"], "Open the trace"],
      [["l"], "Live on or off"],
      [["r"], "Ask again"],
    ],
  ],
  [
    "One trace",
    [
      [["j", "↓"], "Next span"],
      [["k", "↑"], "Previous span"],
      [["→"], "Expand, or go to the first child"],
      [["←"], "Collapse, or go to the parent"],
      [["Enter"], "Details of the span"],
      [["["], "Expand all"],
      [["]"], "Collapse all"],
      [["n", "p"], "Next, previous match"],
      [["+", "-"], "Zoom in, out"],
      [["a", "d"], "Move the time left, right"],
      [["0"], "Whole time"],
      [["u"], "Back to the list"],
    ],
  ],
];

/** Shows the keys. */
export function openHelp(): void {
  isOpen.value = true;
}

/** The dialog; it is in the page only while open. */
export function HelpDialog() {
  return isOpen.value ? <OpenDialog /> : null;
}

function OpenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      class="help-dialog"
      aria-labelledby="help-title"
      onClose={() => {
        isOpen.value = false;
      }}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="help-body">
        <div class="help-head">
          <h2 id="help-title">Keys</h2>
          <button type="button" class="icon-button" onClick={close} aria-label="Close help">
            <Icon name="close" />
          </button>
        </div>
        <div class="help-groups">
          {KEYS.map(([group, keys]) => (
            <section key={group}>
              <h3>{group}</h3>
              <dl>
                {keys.map(([names, meaning]) => (
                  <div key={meaning}>
                    <dt>
                      {names.map((name) => (
                        <kbd key={name}>{name}</kbd>
                      ))}
                    </dt>
                    <dd>{meaning}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </dialog>
  );
}
