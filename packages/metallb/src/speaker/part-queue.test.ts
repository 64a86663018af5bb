import { expect, it } from "vitest";
import { hostPrefix, ip } from "#net";
import { bgpParts, PART_ROUTES } from "./bgp-difference.ts";
import { PartQueue } from "./part-queue.ts";
import type { EnginePart } from "./thread-protocol.ts";

const ATTRIBUTES = { localPref: null, communities: [], largeCommunities: [] };
const ROUTER_ID = ip(4, 1n);
const NOTHING = {
  routes: [],
  peersSet: [],
  peersRemoved: [],
  routesAfter: [],
  layer2: { announce: [], withdraw: [] },
  verdicts: [],
};

const prefixes = (count: number) => Array.from({ length: count }, (_, n) => hostPrefix(ip(4, BigInt(n))));

function parts(announced: number, withdrawn = 0) {
  const announce = prefixes(announced).map((prefix) => ({ prefix, attributes: ATTRIBUTES }));
  return [...bgpParts({ ...NOTHING, routes: [{ table: "all", announce, withdraw: prefixes(withdrawn) }] }, ROUTER_ID)];
}

it("cuts 50,000 routes into parts that are bounded and lose nothing", () => {
  const cut = parts(50_000, 1_234);
  expect(
    Math.max(...cut.map(({ routes }) => routes.reduce((sum, r) => sum + r.announce.length + r.withdraw.length, 0))),
  ).toBe(PART_ROUTES);
  const changes = cut.flatMap(({ routes }) => routes);
  expect(changes.flatMap(({ announce }) => announce.map(({ prefix }) => prefix.ip.value))).toEqual(
    prefixes(50_000).map(({ ip }) => ip.value),
  );
  expect(changes.flatMap(({ withdraw }) => withdraw)).toEqual(prefixes(1_234));
});

it("sends peers between the routes that they find and the tables that they leave", () => {
  const change = { table: "x", announce: [], withdraw: prefixes(1) };
  const cut = [
    ...bgpParts({ ...NOTHING, routes: [change], peersRemoved: ["p"], routesAfter: [change, change] }, ROUTER_ID),
  ];
  expect(cut.map(({ routes, peersRemoved }) => [routes.length, peersRemoved.length])).toEqual([
    [1, 0],
    [0, 1],
    [2, 0],
  ]);
});

it("has few parts under way, cuts no more than it sends, and confirms a difference by its last part", () => {
  const posted: EnginePart[] = [];
  const queue = new PartQueue((part) => posted.push(part));
  const confirmed: string[] = [];
  let made = 0;
  function* lazily(): Generator<ReturnType<typeof parts>[number]> {
    for (const part of parts(50_000)) {
      made++;
      yield part;
    }
  }
  queue.add("bgp", lazily(), () => confirmed.push("large"));
  queue.add("bgp", [], () => confirmed.push("empty"));
  expect([posted.length, made, queue.isEmpty]).toEqual([8, 8, false]);
  for (let sequence = 1; sequence <= 63; sequence++) {
    expect(confirmed).toEqual([]);
    expect(posted.length - sequence).toBeLessThanOrEqual(8);
    queue.applied(sequence);
  }
  expect(posted.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 63 }, (_, n) => n + 1));
  expect(confirmed).toEqual(["large", "empty"]);
  expect(queue.isEmpty).toBe(true);
  queue.add("bgp", [], () => confirmed.push("nothing to do"));
  expect(confirmed.at(-1)).toBe("nothing to do");
});
