//! The few icons of the page, drawn with the colour of the text around them.

const PATHS = {
  mark: "M2 4h12M4.5 8h8M7 12h3.5",
  sun: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z",
  help: "M8 14.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.3M8 11.4v.2",
  error: "M8 1.8 14.8 14H1.2zM8 6.2v3.6M8 11.8v.2",
  check: "m3 8.5 3.4 3.4L13 5",
  gap: "M5.5 3H3v10h2.5M10.5 3H13v10h-2.5",
  copy: "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z",
  live: "M8 9.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4zM4.8 11.2a4.5 4.5 0 0 1 0-6.4M11.2 4.8a4.5 4.5 0 0 1 0 6.4M2.7 13.3a7.5 7.5 0 0 1 0-10.6M13.3 2.7a7.5 7.5 0 0 1 0 10.6",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.8v10.4l8.5-5.2z",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  back: "M13 8H3M7 4 3 8l4 4",
  chevron: "m6 4 4 4-4 4",
  outgoing: "M2 8h11M9.5 4.5 13 8l-3.5 3.5",
  incoming: "M13.5 3v10M2 8h8M7 4.5 10.5 8 7 11.5",
  inside: "M8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2z",
  retry: "M13.5 8a5.5 5.5 0 1 1-1.7-4M13.5 1.5v3h-3",
  silenced: "M3 11.5h10M4.3 11.5V7a3.7 3.7 0 0 1 7.4 0v4.5M6.7 14h2.6M2 2l12 12.5",
  close: "m4 4 8 8M12 4l-8 8",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon. Without a label it is decoration, and words beside it carry the meaning. */
export function Icon(props: { name: IconName; label?: string; class?: string }) {
  return (
    <svg
      class={`icon ${props.class ?? ""}`}
      viewBox="0 0 16 16"
      role={props.label === undefined ? undefined : "img"}
      aria-label={props.label}
      aria-hidden={props.label === undefined}
      focusable="false"
    >
      <path d={PATHS[props.name]} />
    </svg>
  );
}
