import { describe, expect, it } from "vitest";
import { bgpAdvertisement, compiled, pool } from "./testing.ts";

describe("selectors", () => {
  const matches = (selector: object, labels: Record<string, string>) =>
    compiled({
      pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation: { serviceSelectors: [selector] } })],
    }).config.pools[0]?.allocation?.services(labels);
  const expression = (operator: string, values: string[] = []) => ({
    matchExpressions: [{ key: "a", operator, values }],
  });
  it.each([
    [{}, {}, true],
    [{ matchLabels: { a: "1", b: "2" } }, { a: "1" }, false],
    [{ matchLabels: { a: "1" } }, { a: "1", b: "2" }, true],
    [expression("In", ["1", "2"]), { a: "2" }, true],
    [expression("In", ["1", ""]), {}, false],
    [expression("NotIn", ["1"]), { a: "1" }, false],
    [expression("NotIn", ["1"]), {}, true],
    [expression("Exists"), { a: "" }, true],
    [expression("DoesNotExist"), { a: "" }, false],
    [{ ...expression("Exists"), matchLabels: { b: "2" } }, { a: "1" }, false],
    [expression("Exists"), {}, false],
    [{ matchExpressions: [{ key: "constructor", operator: "Exists" }] }, {}, false],
    [{ matchExpressions: [{ key: "constructor", operator: "DoesNotExist" }] }, {}, true],
    [{ matchExpressions: [{ key: "toString", operator: "NotIn", values: ["x"] }] }, {}, true],
    [{ matchLabels: { a: "1" }, matchExpressions: [{ key: "b", operator: "Like" }] }, { a: "1" }, true],
    [{ matchLabels: { a: "1" }, matchExpressions: [{ key: "b", operator: "Like" }] }, { a: "2" }, false],
    [{ matchExpressions: [{ key: "b", operator: "Like" }] }, {}, true],
  ])("%j on %j: %s", (selector, labels, expected) => expect(matches(selector, labels)).toBe(expected));
});

describe("a selector", () => {
  const complaint = (selector: object) =>
    compiled({
      pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation: { serviceSelectors: [selector] } })],
    }).problems.map(
      ({ path, message }) => `${path.replace("spec.serviceAllocation.serviceSelectors[0]", "")} ${message}`,
    );

  it.each([
    [{ matchLabels: { "": "1" } }, '.matchLabels invalid label key "" in selector'],
    [{ matchLabels: { "a b": "1" } }, '.matchLabels invalid label key "a b" in selector'],
    [{ matchLabels: { a: "-" } }, '.matchLabels invalid label value "-" in selector'],
    [{ matchLabels: { a: "x".repeat(64) } }, `.matchLabels invalid label value "${"x".repeat(64)}" in selector`],
    [{ matchExpressions: [{ key: "a", operator: "In" }] }, ".matchExpressions[0].values values: In needs at least one"],
    [
      { matchExpressions: [{ key: "a", operator: "Exists", values: ["1"] }] },
      ".matchExpressions[0].values values: Exists takes none",
    ],
    [
      { matchExpressions: [{ key: "?", operator: "Exists" }] },
      '.matchExpressions[0].key invalid label key "?" in selector',
    ],
    [
      { matchExpressions: [{ key: "a", operator: "In", values: ["?"] }] },
      '.matchExpressions[0].values invalid label value "?" in selector',
    ],
  ])("%j is told", (selector, message) => expect(complaint(selector)).toEqual([message]));

  it.each([
    { matchLabels: { "example.com/a": "" } },
    { matchLabels: { a: "x".repeat(63) } },
    { matchExpressions: [{ key: `${"a".repeat(253)}/b`, operator: "NotIn", values: ["1"] }] },
  ])("%j is good", (selector) => expect(complaint(selector)).toEqual([]));

  it("of which another in the list can be read counts for nothing where nobody understands it", () => {
    const spec = {
      nodeSelectors: [{ matchLabels: { rack: "1" } }, { matchExpressions: [{ key: "a", operator: "?" }] }],
    };
    const { config } = compiled({
      pools: [pool("a", ["192.0.2.0/24"])],
      bgpAdvertisements: [bgpAdvertisement("x", spec)],
    });
    const nodes = config.pools[0]?.bgpAdvertisements[0]?.nodes;
    expect([nodes?.({ rack: "1" }), nodes?.({})]).toEqual([true, false]);
  });
});
