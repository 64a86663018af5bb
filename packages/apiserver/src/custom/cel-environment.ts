import { Environment } from "@marcbachmann/cel-js";
import { canonical } from "../base/json.ts";
import { meter, nodesOf } from "./cel-cost.ts";
import { addLists } from "./cel-lists.ts";
import { addNetworks } from "./cel-networks.ts";
import { addQuantities } from "./cel-quantity.ts";
import { addStrings } from "./cel-strings.ts";
import { addUrls } from "./cel-urls.ts";
import { findPattern, matchesPattern, patternProblem } from "./patterns.ts";

/** A parsed expression. */
export type Program = (context: Record<string, unknown>) => unknown;

const LIMITS = { maxAstNodes: 2_000, maxDepth: 100, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 32 };
const MAX_FOUND = 10_000;

const matches = (value: string, pattern: string): boolean => {
  const problem = patternProblem(pattern);
  if (problem !== null) throw new Error(problem);
  return matchesPattern(pattern, value);
};

/** CEL with the functions that Kubernetes adds and rules use; patterns are RE2's. */
const environment = new Environment({
  unlistedVariablesAreDyn: true,
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
  limits: LIMITS,
})
  .registerFunction(
    "string.find(string): string",
    (value: string, pattern: string) => findPattern(pattern, value, 1)[0] ?? "",
  )
  .registerFunction("string.findAll(string): list<string>", (value: string, pattern: string) =>
    findPattern(pattern, value, MAX_FOUND),
  );

for (const add of [addQuantities, addNetworks, addUrls, addLists, addStrings]) add(environment);

/** Calls of the library's own `matches`, which backtracks, go to this one. */
const MATCHES = "matchesRe2";
environment.registerFunction(`string.${MATCHES}(string): bool`, matches);

/** @throws Error for what is no CEL */
export function parseExpression(text: string): Program {
  const program = environment.parse(text);
  for (const { op, args } of nodesOf(program.ast))
    if (op === "rcall" && Array.isArray(args) && args[0] === "matches") args[0] = MATCHES;
  meter(program.ast);
  return program as unknown as Program;
}

/** A duration as CEL has it. @param text such as `1h30m` */
export function celDuration(text: string): unknown {
  let milliseconds = 0;
  for (const [, amount = "0", unit = "s"] of text.matchAll(DURATION))
    milliseconds += Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return environment.evaluate(`duration(${canonical(`${milliseconds / 1000}s`)})`);
}

const DURATION = /([0-9]*\.?[0-9]+)(ns|us|µs|ms|s|m|h)/g;
const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
