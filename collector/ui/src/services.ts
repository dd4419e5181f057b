//! Gives each service of a trace a colour that stays the same from trace to trace where it can.

/** How many colours the style sheet knows (`.service-0` to `.service-11`). */
export const SERVICE_COLOURS = 12;

/** The class of each service. Colours repeat only when there are more services than colours. */
export function colourServices(services: readonly string[]): Map<string, string> {
  const classes = new Map<string, string>();
  const taken = new Set<number>();
  for (const service of [...new Set(services)].sort()) {
    let colour = hash(service) % SERVICE_COLOURS;
    while (taken.has(colour)) colour = (colour + 1) % SERVICE_COLOURS;
    taken.add(colour);
    if (taken.size === SERVICE_COLOURS) taken.clear();
    classes.set(service, `service-${colour}`);
  }
  return classes;
}

// FNV-1a: small, and the same in every browser.
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return value;
}
