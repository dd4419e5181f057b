//! A lifecycle made ready for drawing.

import type { Gap, Lifecycle } from "../api";
import { colourServices } from "../services";
import type { TimeRange } from "./state";
import { buildTree, type Node } from "./tree";
import { wholeRange } from "./timescale";

/** What all parts of a trace's page draw from; made once for each answer of the collector. */
export interface TraceModel {
  lifecycle: Lifecycle;
  nodes: readonly Node[];
  byKey: ReadonlyMap<string, Node>;
  /** How many spans each service has, in order of appearance. */
  services: ReadonlyMap<string, number>;
  colours: ReadonlyMap<string, string>;
  gaps: ReadonlyMap<string, Gap>;
  whole: TimeRange;
  deepestLevel: number;
}

/** Prepares an answer. */
export function modelOf(lifecycle: Lifecycle): TraceModel {
  const nodes = buildTree(lifecycle.spans);
  const services = new Map<string, number>();
  let deepestLevel = 0;
  for (const { span, level } of nodes) {
    services.set(span.service, (services.get(span.service) ?? 0) + 1);
    deepestLevel = Math.max(deepestLevel, level);
  }
  return {
    lifecycle,
    nodes,
    byKey: new Map(nodes.map((node) => [node.key, node])),
    services,
    colours: colourServices([...services.keys()]),
    gaps: new Map(lifecycle.gaps.map((gap) => [gap.span_id, gap])),
    whole: wholeRange(lifecycle.spans),
    deepestLevel,
  };
}
