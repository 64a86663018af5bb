import type { LabelSelector, Labels } from "#api";
import type { LabelPredicate } from "./config.ts";
import type { ProblemList } from "./problems.ts";

const always: LabelPredicate = () => true;

const NAME =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

/**
 * One question for a list of selectors of which any may match; an absent or empty list matches
 * everything. Duplicates and malformed selectors are problems at `path`.
 */
export function anyOf(
  selectors: readonly LabelSelector[] | undefined,
  path: string,
  problems: ProblemList,
): LabelPredicate {
  if (!selectors || selectors.length === 0) return always;
  const field = path.split(".").at(-1);
  const seen = new Set<string>();
  const predicates = selectors.map((selector, i) => {
    const text = canonical(selector);
    if (seen.has(text)) problems.add("duplicateEntry", `${path}[${i}]`, `duplicate definition of ${field} ${text}`);
    seen.add(text);
    return compileSelector(selector, `${path}[${i}]`, problems);
  });
  return predicates.length === 1
    ? (predicates[0] as LabelPredicate)
    : (labels) => predicates.some((matches) => matches(labels));
}

/** Equal selectors, however their labels are ordered, have equal text. */
const canonical = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string =>
  JSON.stringify([
    Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1)),
    matchExpressions
      .map(({ key, operator, values = [] }) => JSON.stringify([key, operator, [...values].sort()]))
      .sort(),
  ]);

function compileSelector(selector: LabelSelector, path: string, problems: ProblemList): LabelPredicate {
  const tests: LabelPredicate[] = Object.entries(selector.matchLabels ?? {}).map(
    ([name, value]) =>
      (labels) =>
        labels[name] === value,
  );
  for (const [i, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${i}]`;
    if (!NAME.test(key))
      problems.add("invalidSelector", `${at}.key`, `invalid label key "${key.slice(0, 80)}" in selector`);
    const test = compileExpression(key, operator, new Set(values));
    if (!test)
      problems.add(
        "invalidSelector",
        `${at}.operator`,
        `"${operator.slice(0, 40)}" is not a valid label selector operator`,
      );
    else if ((operator === "In" || operator === "NotIn") !== values.length > 0)
      problems.add(
        "invalidSelector",
        `${at}.values`,
        `values: ${operator} ${values.length > 0 ? "takes none" : "needs at least one"}`,
      );
    else tests.push(test);
  }
  return (labels) => tests.every((test) => test(labels));
}

function compileExpression(key: string, operator: string, values: ReadonlySet<string>): LabelPredicate | null {
  const value = (labels: Labels): string | undefined => labels[key];
  switch (operator) {
    case "In":
      return (labels) => values.has(value(labels) ?? "") && value(labels) !== undefined;
    case "NotIn":
      return (labels) => value(labels) === undefined || !values.has(value(labels) ?? "");
    case "Exists":
      return (labels) => value(labels) !== undefined;
    case "DoesNotExist":
      return (labels) => value(labels) === undefined;
    default:
      return null;
  }
}
