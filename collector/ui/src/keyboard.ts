//! One listener for all keys; each page brings its own table.

/** What each key does; the name is `KeyboardEvent.key`. */
export type KeyTable = Record<string, (event: KeyboardEvent) => void>;

const tables: KeyTable[] = [];

/** Adds a table until the returned function is called; later tables win. */
export function bindKeys(table: KeyTable): () => void {
  tables.push(table);
  return () => {
    const index = tables.indexOf(table);
    if (index >= 0) tables.splice(index, 1);
  };
}

/** Begins to listen. */
export function startKeyboard(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (isTakenByFocus(event)) return;
    for (const table of tables.toReversed()) {
      const action = Object.hasOwn(table, event.key) ? table[event.key] : undefined;
      if (action) {
        event.preventDefault();
        action(event);
        return;
      }
    }
  });
}

// A key belongs to the focused control when that control would do something with it.
function isTakenByFocus(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement) || event.key === "Escape") return false;
  if (target.closest("input:not([type=checkbox]), select, textarea, [role=separator]")) return true;
  const activates = event.key === "Enter" || event.key === " ";
  return activates && target.closest("a, button, summary, input") !== null;
}
