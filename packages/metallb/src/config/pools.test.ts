import { describe, expect, it } from "vitest";
import type { Compilation } from "#config";
import { formatRange } from "#net";
import { compiled, namespace, pool } from "./testing.ts";

const problems = ({ problems }: Compilation) =>
  problems.map(({ kind, name, path, code }) => `${kind}/${name} ${path} ${code}`);

describe("pools", () => {
  it("hold CIDRs and ranges, with host bits masked off", () => {
    const { config, problems } = compiled({
      pools: [pool("a", ["10.0.0.5/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"])],
    });
    expect(problems).toEqual([]);
    expect(config.pools[0]?.ranges.map(formatRange)).toEqual(["10.0.0.0/24", "192.0.2.10-192.0.2.20", "2001:db8::/64"]);
    expect([...(config.pools[0]?.families ?? [])]).toEqual([4, 6]);
    expect(config.pools[0]).toMatchObject({ autoAssign: true, avoidBuggyIPs: false, allocation: null });
  });

  it.each([
    [[], "spec.addresses noAddresses", "pool has no prefixes defined"],
    [["10.0.0.0/33"], "spec.addresses[0] invalidAddresses", 'invalid CIDR "10.0.0.0/33" in pool "a"'],
    [
      ["192.0.2.0/24", "192.0.2.9-192.0.2.1"],
      "spec.addresses[1] invalidAddresses",
      'invalid CIDR "192.0.2.9-192.0.2.1" in pool "a"',
    ],
    [
      ["192.0.2.0/24", "192.0.2.128/25"],
      "spec.addresses[1] overlappingAddresses",
      'CIDR "192.0.2.128/25" in pool "a" overlaps with already defined CIDR "192.0.2.0/24"',
    ],
  ])("with %j are frozen", (addresses, where, message) => {
    const result = compiled({ pools: [pool("a", addresses), pool("b", ["198.51.100.0/24"])] });
    expect(result.config.pools.map(({ name, frozen }) => [name, frozen])).toEqual([
      ["a", "invalid"],
      ["b", null],
    ]);
    expect(problems(result)).toEqual([`IPAddressPool/a ${where}`]);
    expect(result.problems[0]?.message).toContain(message);
  });

  it.each([
    [" 192.0.2.0/24 ", "192.0.2.0/24"],
    ["192.0.2.1 - 192.0.2.2", "192.0.2.1-192.0.2.2"],
    ["::ffff:192.0.2.0/120", "192.0.2.0/24"],
    ["::ffff:192.0.2.1-::ffff:192.0.2.2", "192.0.2.1-192.0.2.2"],
    ["::ffff:192.0.2.1-192.0.2.2", "192.0.2.1-192.0.2.2"],
  ])("accept %j as upstream does", (text, range) => {
    const { config, problems } = compiled({ pools: [pool("a", [text])] });
    expect([problems, config.pools[0]?.ranges.map(formatRange)]).toEqual([[], [range]]);
  });

  it("accept a range from one family to the other, which holds nothing", () => {
    const { config, problems } = compiled({ pools: [pool("a", ["192.0.2.1-2001:db8::1", "192.0.2.0/30"])] });
    expect([problems, config.pools[0]?.ranges.map(formatRange)]).toEqual([[], ["192.0.2.0/30"]]);
    expect(config.pools[0]).toMatchObject({ frozen: null, unreadable: false });
  });

  it("for namespaces: by name and by label, and closed when no namespace matches", () => {
    const namespaces = [namespace("red", { team: "1" }), namespace("blue")];
    const by = (serviceAllocation: object) =>
      compiled({ pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation })], namespaces }).config.pools[0]?.allocation;
    expect([
      ...(by({ namespaces: ["x"], namespaceSelectors: [{ matchLabels: { team: "1" } }] })?.namespaces ?? []),
    ]).toEqual(["x", "red"]);
    expect(by({ namespaceSelectors: [{ matchLabels: { team: "9" } }] })?.namespaces?.size).toBe(0);
    expect(by({ priority: 3 })).toMatchObject({ priority: 3, namespaces: null, hasServiceSelectors: false });
  });

  it("with the same entry twice, or a selector nobody understands, are told", () => {
    const allocation = {
      namespaces: ["x", "x"],
      serviceSelectors: [{ matchExpressions: [{ key: "a", operator: "Like", values: ["b"] }] }, {}, {}],
    };
    expect(problems(compiled({ pools: [pool("a", ["192.0.2.0/24"], { serviceAllocation: allocation })] }))).toEqual([
      "IPAddressPool/a spec.serviceAllocation.namespaces[1] duplicateEntry",
      "IPAddressPool/a spec.serviceAllocation.serviceSelectors[0].matchExpressions[0].operator invalidSelector",
      "IPAddressPool/a spec.serviceAllocation.serviceSelectors[2] duplicateEntry",
    ]);
  });
});

it("a pool gives each address once, by the entry that names it first", () => {
  const of = (...addresses: string[]) => {
    const { config, problems } = compiled({ pools: [pool("a", addresses)] });
    return [config.pools[0]?.ranges.map(formatRange), problems.map(({ path }) => path)];
  };
  expect(of("192.0.2.128/25", "192.0.2.0/24")).toEqual([["192.0.2.128/25", "192.0.2.0/25"], ["spec.addresses[1]"]]);
  expect(of("192.0.2.0/24", "192.0.2.0/25", "192.0.2.192/26")).toEqual([
    ["192.0.2.0/24"],
    ["spec.addresses[1]", "spec.addresses[2]"],
  ]);
  expect(of("192.0.2.0/24", "192.0.2.0/24")).toEqual([["192.0.2.0/24"], ["spec.addresses[1]"]]);
  // Two that lie side by side are left as they were written.
  expect(of("192.0.2.128/25", "192.0.2.0/25")).toEqual([["192.0.2.128/25", "192.0.2.0/25"], []]);
});

describe("a namespace that comes", () => {
  const selecting = Array.from({ length: 3 }, (_, i) =>
    pool(`p${i}`, [`10.0.${i}.0/24`], {
      serviceAllocation: { namespaces: ["fixed"], namespaceSelectors: [{ matchLabels: { team: String(i) } }] },
    }),
  );
  const namespaces = [namespace("red", { team: "1" }), namespace("fixed")];
  const start = () => compiled({ pools: selecting, namespaces });
  const after = (before: Compilation, ...added: ReturnType<typeof namespace>[]) =>
    compiled({ pools: selecting, namespaces: [...namespaces, ...added] }, before).config;
  const admitted = (config: Compilation["config"], i: number) =>
    [...(config.pools[i]?.allocation?.namespaces ?? [])].sort();

  it("changes nothing when no selector matches it", () => {
    const before = start();
    expect(after(before, namespace("blue", { team: "9" }))).toBe(before.config);
    expect(after(before, namespace("blue"))).toBe(before.config);
  });

  it("changes nothing when it is read anew", () => {
    const before = start();
    const again = [namespace("fixed"), namespace("red", { team: "1" })];
    expect(compiled({ pools: selecting, namespaces: again }, before).config).toBe(before.config);
  });

  it("changes the pools that select it, and no others", () => {
    const before = start();
    const config = after(before, namespace("blue", { team: "1" }));
    expect(admitted(config, 1)).toEqual(["blue", "fixed", "red"]);
    expect(config.pools[0]).toBe(before.config.pools[0]);
    const gone = compiled({ pools: selecting, namespaces: [namespace("fixed")] }, before).config;
    expect([0, 1, 2].map((i) => admitted(gone, i))).toEqual([["fixed"], ["fixed"], ["fixed"]]);
    const relabelled = compiled({ pools: selecting, namespaces: [namespace("red", { team: "2" })] }, before).config;
    expect([0, 1, 2].map((i) => admitted(relabelled, i))).toEqual([["fixed"], ["fixed"], ["fixed", "red"]]);
  });
});
