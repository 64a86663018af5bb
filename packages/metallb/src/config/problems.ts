import type { Problem } from "./config.ts";

/** Every way in which an object of the configuration can fail to count. */
export const PROBLEM_CODES = [
  "invalidSchema",
  "noAddresses",
  "invalidAddresses",
  "overlappingAddresses",
  "duplicateEntry",
  "invalidSelector",
  "invalidCommunity",
  "duplicateCommunity",
  "invalidAggregationLength",
  "selectorsWithAggregation",
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
] as const;

export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** Where problems of one object are gathered while it is read. */
export class ProblemList {
  readonly problems: Problem[] = [];
  private readonly kind: string;
  private readonly name: string;

  constructor(kind: string, name: string) {
    this.kind = kind;
    this.name = name;
  }

  add(code: ProblemCode, path: string, message: string, transient = false): void {
    this.problems.push({ kind: this.kind, name: this.name, path, code, message, transient });
  }

  get isEmpty(): boolean {
    return this.problems.length === 0;
  }
}
