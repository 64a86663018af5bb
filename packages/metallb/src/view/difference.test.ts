import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differenceOf, type ViewDifference, withDifference, written } from "./difference.ts";
import type { ServiceView, View } from "./view.ts";

const service = (key: string, pool: string): ServiceView => ({
  key,
  addresses: [],
  pool,
  pending: "",
  refusedBy: [],
  foreign: "",
  announcedFrom: [],
  refusals: [],
});

const viewOf = (services: readonly ServiceView[], problems: readonly string[] = []): View =>
  ({ kind: "cluster", server: "s", services, nodes: [], pools: [], layer2: [], problems }) as unknown as View;

/** Through JSON, as a page gets it. */
const between = (before: View, after: View): ViewDifference | null =>
  JSON.parse(JSON.stringify(differenceOf(written(before), written(after)))) as ViewDifference | null;

const services = fc
  .array(fc.record({ key: fc.integer({ min: 0, max: 30 }), pool: fc.integer({ min: 0, max: 3 }) }), { maxLength: 20 })
  .map((all) => all.map(({ key, pool }) => service(`s${key}`, `p${pool}`)));

const views = fc.record({ services, problems: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }) });

describe("the difference of two views", () => {
  it("makes the one of the other, whatever comes, goes, moves or is there twice", () => {
    fc.assert(
      fc.property(views, views, (before, after) => {
        const [one, other] = [viewOf(before.services, before.problems), viewOf(after.services, after.problems)];
        const difference = between(one, other);
        expect(difference === null ? one : withDifference(one, difference)).toEqual(other);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is nothing between equal views", () => {
    const view = viewOf([service("a", "p")], ["x"]);
    expect(between(view, structuredClone(view))).toBeNull();
  });

  it("tells one Service of ten thousand, and keeps the others as they are", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => service(`s${index}`, "p"));
    const before = viewOf(many);
    const after = viewOf([...many.slice(0, 5_000), service("s5000", "q"), service("new", "p"), ...many.slice(5_001)]);
    const difference = between(before, after);
    expect(JSON.stringify(difference).length).toBeLessThan(600);
    const made = difference === null ? before : withDifference(before, difference);
    expect(made).toEqual(after);
    expect(made.services[0]).toBe(before.services[0]);
  });
});
