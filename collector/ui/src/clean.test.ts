//! Texts from the network turn nothing around on the page.

import { expect, test } from "vitest";

import { parseClean } from "./clean";

test("marks of direction are replaced in keys and values", () => {
  const json = '{"a\u202eb": ["c\u2066\u200bd", "e"]}';
  expect(parseClean(json)).toEqual({ "a\ufffdb": ["c\ufffd\ufffdd", "e"] });
});

test("other texts stay as they are", () => {
  const texts = ["Größe שלום 漢字", "\\u202e", "a\nb", "2028"];
  expect(parseClean(JSON.stringify(texts))).toEqual(texts);
});

test("what is no JSON is an error", () => {
  expect(() => parseClean('{"a": ')).toThrow(SyntaxError);
});
