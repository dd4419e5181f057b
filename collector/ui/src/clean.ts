//! Names and values come from whoever sends spans: what would turn the reading direction around, or hide, is shown as what
//! it is, a sign that does not belong there. The terminal replaces the same ones.

/** Marks of direction, of no width, and separators of lines, as Unicode's Bidirectional Algorithm (UAX 9) names them. */
const UNSAFE = /[\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
/** Reads JSON as the collector writes it, these letters as they are; of the result every text may be shown. An error of syntax is thrown. */
export function parseClean(json: string): unknown {
  return JSON.parse(json.replace(UNSAFE, "\ufffd"));
}
