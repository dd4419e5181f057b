//! Light or dark: as the system has it until the reader chooses, then as chosen.

import { computed, signal } from "@preact/signals";

/** The two themes. */
export type Theme = "light" | "dark";

const STORAGE_KEY = "throughline.theme";
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");
const system = signal<Theme>(systemIsDark.matches ? "dark" : "light");
const chosen = signal<Theme | null>(readChoice());

/** The theme in force. */
export const theme = computed<Theme>(() => chosen.value ?? system.value);

/** Applies the theme, and follows the system while nothing is chosen. */
export function startTheme(): void {
  systemIsDark.addEventListener("change", (event) => {
    system.value = event.matches ? "dark" : "light";
  });
  theme.subscribe((value) => {
    document.documentElement.dataset.theme = value;
  });
}

/** Chooses the other theme and remembers it. */
export function toggleTheme(): void {
  const next: Theme = theme.peek() === "dark" ? "light" : "dark";
  // Choosing what the system has anyway gives the choice back to the system.
  chosen.value = next === system.peek() ? null : next;
  try {
    if (chosen.value === null) localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, next);
  } catch {
    // Storage can be forbidden by the browser; the choice then lasts as long as the page.
  }
}

function readChoice(): Theme | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === "light" || stored === "dark" ? stored : null;
  } catch {
    return null;
  }
}
