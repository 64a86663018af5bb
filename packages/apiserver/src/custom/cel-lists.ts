import type { Environment } from "@marcbachmann/cel-js";

/** Whether two values of CEL are the same; numbers of any kind are compared by value. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a === "bigint" || typeof b === "bigint")
    return (typeof a === "number" || typeof b === "number") && Number(a) === Number(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  const keys = Object.keys(a);
  const at = (value: object, key: string): unknown => (value as Record<string, unknown>)[key];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(at(a, key), at(b, key)))
  );
}

type Comparable = bigint | number | string | boolean;
type Items = readonly Comparable[];

const extreme = (items: Items, name: string, better: (a: Comparable, b: Comparable) => boolean): Comparable => {
  const [first, ...rest] = items;
  if (first === undefined) throw new Error(`${name} called on empty list`);
  return rest.reduce((best, item) => (better(item, best) ? item : best), first);
};

function sum(items: Items): Comparable {
  if (items.every((item) => typeof item === "bigint")) return items.reduce((total, item) => total + item, 0n);
  return items.reduce<number>((total, item) => total + Number(item), 0);
}

const includes = (items: readonly unknown[], item: unknown): boolean => items.some((each) => same(each, item));
const containsAll = (items: readonly unknown[], others: readonly unknown[]): boolean =>
  others.every((other) => includes(items, other));

/** What `sets.contains` and its like are called on. */
class Sets {}

/** Kubernetes' lists, and CEL's extension `sets`. */
export function addLists(environment: Environment): void {
  const index = (items: readonly unknown[], item: unknown): bigint =>
    BigInt(items.findIndex((each) => same(each, item)));
  const lastIndex = (items: readonly unknown[], item: unknown): bigint =>
    BigInt(items.findLastIndex((each) => same(each, item)));
  environment
    .registerFunction("list.isSorted(): bool", (items: Items) =>
      items.every((item, i) => i === 0 || (items[i - 1] as Comparable) <= item),
    )
    .registerFunction("list.sum(): dyn", sum)
    .registerFunction("list.min(): dyn", (items: Items) => extreme(items, "min", (a, b) => a < b))
    .registerFunction("list.max(): dyn", (items: Items) => extreme(items, "max", (a, b) => a > b))
    .registerFunction("list.indexOf(dyn): int", index)
    .registerFunction("list.lastIndexOf(dyn): int", lastIndex)
    .registerType("Sets", Sets)
    .registerConstant("sets", "Sets", new Sets())
    .registerFunction("Sets.contains(list, list): bool", (_: Sets, a: readonly unknown[], b: readonly unknown[]) =>
      containsAll(a, b),
    )
    .registerFunction(
      "Sets.equivalent(list, list): bool",
      (_: Sets, a: readonly unknown[], b: readonly unknown[]) => containsAll(a, b) && containsAll(b, a),
    )
    .registerFunction("Sets.intersects(list, list): bool", (_: Sets, a: readonly unknown[], b: readonly unknown[]) =>
      b.some((item) => includes(a, item)),
    );
}
