import type { LabelSelector, Labels } from "#api";
import type { LabelPredicate } from "./config.ts";
import { type ProblemList, quoted } from "./problems.ts";

const always: LabelPredicate = () => true;

/** Kubernetes' qualified names: a DNS name and a slash may stand before. */
const KEY =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const MAX_KEY = 253 + 1 + 63;
const VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;
const MAX_VALUE = 63;

/**
 * One question for a list of selectors of which any may match; an absent or empty list matches
 * everything. Duplicates and malformed selectors are problems at `path`, and what cannot be read does
 * not narrow: a requirement that nobody understands is left out, and a selector of nothing else with it.
 */
export function anyOf(
  selectors: readonly LabelSelector[] | undefined,
  path: string,
  problems: ProblemList,
): LabelPredicate {
  if (!selectors || selectors.length === 0) return always;
  const field = path.split(".").at(-1);
  const seen = new Set<string>();
  const predicates: LabelPredicate[] = [];
  for (const [i, selector] of selectors.entries()) {
    const text = canonical(selector);
    if (seen.has(text))
      problems.add("duplicateEntry", `${path}[${i}]`, `duplicate definition of ${field} ${quoted(readable(selector))}`);
    seen.add(text);
    const predicate = compileSelector(selector, `${path}[${i}]`, problems);
    if (predicate) predicates.push(predicate);
  }
  const [only, ...others] = predicates;
  if (!only) return always;
  return others.length === 0 ? only : (labels) => predicates.some((matches) => matches(labels));
}

/** What tells lists of selectors apart, in any order; null where they match everything. */
export function textOf(selectors: readonly LabelSelector[] | undefined): string | null {
  const texts = (selectors ?? []).map(canonical);
  return texts.length === 0 || texts.includes(EVERYTHING) ? null : texts.sort().join();
}

/** Equal selectors, however their labels are ordered, have equal text. */
const canonical = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string =>
  JSON.stringify([
    Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1)),
    matchExpressions
      .map(({ key, operator, values = [] }) => JSON.stringify([key, operator, [...values].sort()]))
      .sort(),
  ]);

const EVERYTHING = canonical({});

/** As `kubectl get -l` takes it. */
function readable({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const others = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(",")})`;
  });
  return [...labels, ...others].join(",");
}

/** Null: it asks for something, and none of it can be read. */
function compileSelector(selector: LabelSelector, path: string, problems: ProblemList): LabelPredicate | null {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const tests: LabelPredicate[] = [];
  for (const [key, value] of Object.entries(matchLabels)) {
    const at = `${path}.matchLabels`;
    if (checkKey(key, at, problems) && checkValue(value, at, problems))
      tests.push((labels) => Object.hasOwn(labels, key) && labels[key] === value);
  }
  for (const [i, { key, operator, values = [] }] of matchExpressions.entries()) {
    const at = `${path}.matchExpressions[${i}]`;
    const test = compileExpression(key, operator, new Set(values));
    if (!test)
      problems.add("invalidSelector", `${at}.operator`, `${quoted(operator)} is not a valid label selector operator`);
    else if ((operator === "In" || operator === "NotIn") !== values.length > 0)
      problems.add(
        "invalidSelector",
        `${at}.values`,
        `values: ${operator} ${values.length > 0 ? "takes none" : "needs at least one"}`,
      );
    else if (
      checkKey(key, `${at}.key`, problems) &&
      values.every((value) => checkValue(value, `${at}.values`, problems))
    )
      tests.push(test);
  }
  if (tests.length === 0 && textOf([selector]) !== null) return null;
  const [only, ...others] = tests;
  return only && others.length === 0 ? only : (labels) => tests.every((test) => test(labels));
}

function checkKey(key: string, path: string, problems: ProblemList): boolean {
  if (key.length <= MAX_KEY && KEY.test(key)) return true;
  problems.add("invalidSelector", path, `invalid label key ${quoted(key)} in selector`);
  return false;
}

function checkValue(value: string, path: string, problems: ProblemList): boolean {
  if (value.length <= MAX_VALUE && VALUE.test(value)) return true;
  problems.add("invalidSelector", path, `invalid label value ${quoted(value)} in selector`);
  return false;
}

/** Labels may have the names that every object has: only own ones are labels. */
function compileExpression(key: string, operator: string, values: ReadonlySet<string>): LabelPredicate | null {
  const has = (labels: Labels): boolean => Object.hasOwn(labels, key);
  const isOneOf = (labels: Labels): boolean => has(labels) && values.has(labels[key] as string);
  switch (operator) {
    case "In":
      return isOneOf;
    case "NotIn":
      return (labels) => !isOneOf(labels);
    case "Exists":
      return has;
    case "DoesNotExist":
      return (labels) => !has(labels);
    default:
      return null;
  }
}
