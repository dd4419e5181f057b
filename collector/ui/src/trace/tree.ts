//! The tree of spans as rows: which are visible, who is whose parent, what matches a search.

import type { Span } from "../api";
import { isFolded, type Folding } from "./state";

/** One span with its place in the tree. */
export interface Node {
  span: Span;
  /** Its name in the address: the span id, with the kind when another span has the same id. */
  key: string;
  index: number;
  /** Depth in the tree, 0 for a root. */
  level: number;
  /** Index of the parent's node, or -1. */
  parent: number;
  /** Number of nodes below it, at any depth. */
  descendants: number;
  /** Its place among its siblings, from 1, and how many there are. */
  position: number;
  siblings: number;
}

/** Reads the tree from spans in tree order. */
export function buildTree(spans: readonly Span[]): Node[] {
  const nodes: Node[] = [];
  const ancestors: Node[] = [];
  const childCounts = new Map<number, number>();
  const keys = new Set<string>();
  for (const [index, span] of spans.entries()) {
    // A level that skips ahead would have no parent; it is drawn directly below the span before it.
    const level = Math.min(Math.max(0, span.level), ancestors.length);
    ancestors.length = level;
    const parent = ancestors[level - 1]?.index ?? -1;
    const position = (childCounts.get(parent) ?? 0) + 1;
    childCounts.set(parent, position);
    const key = keys.has(span.span_id) ? `${span.span_id}.${span.kind}` : span.span_id;
    keys.add(key);
    const node: Node = { span, key, index, level, parent, descendants: 0, position, siblings: 0 };
    nodes.push(node);
    ancestors.push(node);
  }
  for (const node of nodes.toReversed()) {
    node.siblings = childCounts.get(node.parent) ?? 1;
    const parent = nodes[node.parent];
    if (parent) parent.descendants += node.descendants + 1;
  }
  return nodes;
}

/** The nodes that show when folded spans hide what is below them. */
export function visibleNodes(nodes: readonly Node[], folding: Folding): Node[] {
  if (folding.base === "open" && folding.exceptions.size === 0) return [...nodes];
  const visible: Node[] = [];
  let next = 0;
  while (next < nodes.length) {
    const node = nodes[next];
    if (!node) break;
    visible.push(node);
    next += isFolded(folding, node.key) ? node.descendants + 1 : 1;
  }
  return visible;
}

/** The folding in which a node can be seen: everything above it is open. */
export function revealing(nodes: readonly Node[], index: number, folding: Folding): Folding {
  const exceptions = new Set(folding.exceptions);
  let current = nodes[nodes[index]?.parent ?? -1];
  while (current) {
    const { key } = current;
    if (isFolded({ base: folding.base, exceptions }, key) && !exceptions.delete(key)) exceptions.add(key);
    current = nodes[current.parent];
  }
  return { base: folding.base, exceptions };
}

/**
 * Finds spans: every word must occur somewhere in the span. `"a b"` is one word, `service=name` asks for exactly that
 * service, and `is:error` for a failed span.
 */
export function findMatches(nodes: readonly Node[], query: string): number[] {
  const found = query.toLowerCase().match(/(?:[^\s"]|"[^"]*"?)+/g) ?? [];
  const words = found.map((word) => word.replaceAll('"', "")).filter(Boolean);
  if (words.length === 0) return [];
  return nodes.filter((node) => words.every((word) => matches(node.span, word))).map((node) => node.index);
}

const texts = new WeakMap<Span, string>();

function matches(span: Span, word: string): boolean {
  if (word === "is:error") return span.status === "error";
  if (word.startsWith("service=")) return span.service.toLowerCase() === word.slice("service=".length);
  let text = texts.get(span);
  if (text === undefined) {
    const facts = [...Object.entries(span.attributes), ...Object.entries(span.resource)];
    const pairs = facts.map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    text = [span.service, span.name, span.kind, span.span_id, span.status_message, span.link, ...pairs]
      .join("\n")
      .toLowerCase();
    texts.set(span, text);
  }
  return text.includes(word);
}
