/**
 * What evaluating a CEL expression costs. The library bounds the length of an expression, not the work
 * that loops within loops make of a long list, and it has no counter of its own: so each node of a
 * parsed expression is made to pay from a budget before it works. A unit is about one step of a loop.
 */

/** For one write, over all its rules: about a tenth of a second. */
const BUDGET = 1_000_000;

/** One budget at a time: evaluation is synchronous. */
let left = 0;

/** Thrown again and again while loops unwind, so it is made once. */
const SPENT = new Error("out of cost budget");

export const isSpent = (): boolean => left < 0;

/** Starts the budget of a write. */
export function grantBudget(): void {
  left = BUDGET;
}

/** @throws Error when nothing is left */
export function spend(units: number): void {
  left -= units;
  if (left < 0) throw SPENT;
}

/** The node of a parsed expression, as far as it is looked at here. */
interface Node {
  readonly op: string;
  readonly args: unknown;
  readonly meta: { readonly alternate?: unknown; readonly macro?: unknown };
}

type Handle = (...args: unknown[]) => unknown;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as Node).op === "string" && "meta" in value;

/** Makes every node of the expression pay. The library sets a node's `handle` when it checks the types. */
export function meter(ast: unknown): void {
  for (const node of nodesOf(ast)) {
    const price = priceOf(node);
    if (price === null) continue;
    let handle: Handle = () => undefined;
    Object.defineProperty(node, "handle", {
      get:
        (): Handle =>
        (first, second, ...rest) => {
          spend(price(first, second));
          const result = handle(first, second, ...rest);
          spend(shallowSize(result));
          return result;
        },
      set: (given: Handle) => {
        handle = given;
      },
    });
  }
}

export function nodesOf(ast: unknown): Set<Node> {
  const nodes = new Set<Node>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) visit(one);
    else if (isNode(value)) {
      if (nodes.has(value)) return;
      nodes.add(value);
      visit(value.args);
      visit(value.meta.alternate);
      visitMembers(value.meta.macro);
    } else visitMembers(value);
  };
  const visitMembers = (value: unknown): void => {
    if (isPlain(value)) for (const one of Object.values(value)) if (Array.isArray(one) || isNode(one)) visit(one);
  };
  visit(ast);
  return nodes;
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** What a node pays before it works; null for those whose work is constant. */
function priceOf(node: Node): ((first: unknown, second: unknown) => number) | null {
  switch (node.op) {
    case "comprehension": {
      const step = nodesOf((node.args as { readonly step: unknown }).step).size;
      return (items) => 1 + lengthOf(items) * Math.max(1, step >> 1);
    }
    case "call":
    case "rcall": {
      const isSize = (node.args as readonly unknown[])[0] === "size";
      return isSize ? () => 1 : (args) => 1 + sum(args, shallowSize);
    }
    case "==":
    case "!=":
    case "in":
      return (a, b) => 1 + deepSize(a) + deepSize(b);
    case "+":
      return () => 1;
    default:
      return null;
  }
}

const lengthOf = (value: unknown): number => {
  if (Array.isArray(value)) return value.length;
  return typeof value === "object" && value !== null ? Object.keys(value).length : 0;
};

const sum = (values: unknown, size: (value: unknown) => number): number =>
  Array.isArray(values) ? values.reduce<number>((total, value) => total + size(value), 0) : 0;

/** Strings are worked through faster than anything else. */
const shallowSize = (value: unknown): number => {
  if (typeof value === "string") return value.length >> 4;
  return Array.isArray(value) ? value.length : 0;
};

const sizes = new WeakMap<object, number>();

function deepSize(value: unknown): number {
  if (typeof value !== "object" || value === null) return shallowSize(value);
  const known = sizes.get(value);
  if (known !== undefined) return known;
  const size = Object.values(value).reduce<number>((total, member) => total + 1 + deepSize(member), 0);
  sizes.set(value, size);
  return size;
}
