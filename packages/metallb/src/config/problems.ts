import type { Labels } from "#api";
import type { LabelPredicate, Problem } from "./config.ts";

/** Every way in which an object of the configuration can fail to count. */
export const PROBLEM_CODES = [
  "invalidSchema",
  "noAddresses",
  "invalidAddresses",
  "overlappingAddresses",
  "invalidReservation",
  "invalidQuota",
  "invalidKeepTime",
  "invalidIpam",
  "duplicateEntry",
  "invalidSelector",
  "invalidCommunity",
  "duplicateCommunity",
  "invalidAggregationLength",
  "selectorsWithAggregation",
  "invalidLocalPref",
  "conflictingLocalPref",
  "conflictingAttribute",
  "weightOfAggregate",
  "invalidBounds",
  "missingASN",
  "invalidPeerASN",
  "invalidPeerAddress",
  "invalidTimers",
  "invalidRouterID",
  "invalidSourceAddress",
  "invalidMultiHop",
  "invalidPassword",
  "unknownBFDProfile",
  "invalidBFDProfile",
  "invalidAnnotation",
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** An object can be wrong in a hundred thousand places; the first ones tell enough. */
const MAX_PROBLEMS = 20;

/** Objects hold texts of a quarter of a megabyte; a sentence does not. */
const MAX_MESSAGE = 500;
const MAX_PATH = 200;

/** A text of a user's, short enough to be quoted in a sentence. */
export const quoted = (text: string): string => `"${text.length > 100 ? `${text.slice(0, 100)}…` : text}"`;

/** Those that concern a node with these labels; of one that the API does not know, all. */
export const problemsAt = (problems: readonly Problem[], labels: Labels | undefined): readonly Problem[] =>
  labels === undefined ? problems : problems.filter(({ nodes }) => nodes === null || nodes(labels));

/** Where problems of one object are gathered while it is read. */
export class ProblemList {
  readonly problems: Problem[] = [];
  private readonly kind: string;
  private readonly name: string;
  private nodes: LabelPredicate | null;

  /** `nodes`: those that the object concerns; null: all. */
  constructor(kind: string, name: string, nodes: LabelPredicate | null = null) {
    this.kind = kind;
    this.name = name;
    this.nodes = nodes;
  }

  /** The object concerns these nodes only; said as soon as its selectors are read. */
  concerns(nodes: LabelPredicate): void {
    this.nodes = nodes;
    for (const [i, problem] of this.problems.entries()) this.problems[i] = { ...problem, nodes };
  }

  add(code: ProblemCode, path: string, message: string, transient = false): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    const { kind, name, nodes } = this;
    const text = message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
    this.problems.push({ kind, name, path: path.slice(0, MAX_PATH), code, message: text, transient, nodes });
  }

  get isEmpty(): boolean {
    return this.problems.length === 0;
  }
}
