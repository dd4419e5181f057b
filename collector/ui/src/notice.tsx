//! Short notices at the edge of the page, read out by screen readers.

import { signal } from "@preact/signals";

const NOTICE_MS = 2500;
const text = signal("");
let timer: number | undefined;

/** Shows a notice for a moment. */
export function notify(message: string): void {
  text.value = message;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    text.value = "";
  }, NOTICE_MS);
}

/** Copies and says so, or says that it could not. */
export async function copyText(value: string, done: string): Promise<void> {
  notify((await writeClipboard(value)) ? done : "The browser did not allow copying");
}

/** The place of the notice. */
export function Notice() {
  return (
    <div class={`notice ${text.value === "" ? "" : "is-shown"}`} role="status">
      {text.value}
    </div>
  );
}

async function writeClipboard(value: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    // The clipboard API exists only on https and localhost; the page is often read over plain http.
    return copyBySelection(value);
  }
}

function copyBySelection(value: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = value;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
