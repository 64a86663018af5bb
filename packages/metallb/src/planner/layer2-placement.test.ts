import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ip, ip } from "#net";
import { type Placeable, placements, placerOf } from "./layer2-placement.ts";
import { OPTIONS } from "./testing.ts";

const NODES = ["a", "b", "c", "d"];
const address = (n: number): Ip => ip(4, 0xc0000200n + BigInt(n));

/** Places until nothing is left to place, as the speakers do by writing what they are told. */
function settle(all: Map<string, Placeable>): number {
  let moves = 0;
  for (const [key, node] of placements(all)) {
    const each = all.get(key) as Placeable;
    if (each.field[0] !== node) moves += 1;
    all.set(key, { ...each, placed: node });
  }
  expect(placements(all).size).toBe(0);
  return moves;
}

const countsOf = (all: ReadonlyMap<string, Placeable>, nodes: readonly string[]): readonly number[] =>
  nodes.map((node) => [...all.values()].filter(({ placed }) => placed === node).length);

const spread = (counts: readonly number[]): number => Math.max(...counts) - Math.min(...counts);

/** The order of an election: by chance, another for each address. */
const field = (order: readonly number[], among: readonly string[]) =>
  NODES.toSorted((a, b) => (order[NODES.indexOf(a)] ?? 0) - (order[NODES.indexOf(b)] ?? 0)).filter((node) =>
    among.includes(node),
  );

describe("placing", () => {
  it("keeps the nodes of a subnet within one address of each other, and moves nothing that has a place", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(1_000), { minLength: 4, maxLength: 4 }), { maxLength: 40 }),
        fc.constantFrom(...NODES),
        (orders, lost) => {
          const all = new Map<string, Placeable>(
            orders.map((order, i) => [`s${i}`, { ip: address(i), field: field(order, NODES), placed: null }]),
          );
          settle(all);
          expect(spread(countsOf(all, NODES))).toBeLessThanOrEqual(1);
          // A node is lost: those that it had go elsewhere, evenly, and no other moves.
          const left = NODES.filter((node) => node !== lost);
          const before = new Map(all);
          for (const [key, each] of all) {
            const placed = each.placed === lost ? null : each.placed;
            all.set(key, { ...each, field: each.field.filter((node) => node !== lost), placed });
          }
          settle(all);
          expect(spread(countsOf(all, left))).toBeLessThanOrEqual(1);
          for (const [key, { placed }] of before) if (placed !== lost) expect(all.get(key)?.placed).toBe(placed);
          // It comes back: nothing moves, and what is new goes there first.
          const after = new Map(all);
          for (const [key, each] of all) all.set(key, { ...each, field: [...each.field, lost] });
          expect(placements(all).size).toBe(0);
          all.set("t", { ip: address(200), field: NODES, placed: null });
          settle(all);
          if (orders.length >= 6) expect(all.get("t")?.placed).toBe(lost);
          for (const [key, { placed }] of after) expect(all.get(key)?.placed).toBe(placed);
        },
      ),
    );
  });

  it("leaves an address where it is announced already, of nodes that have equally many", () => {
    const all = new Map([["s", { ip: address(1), field: ["c", "a"], placed: null }]]);
    expect(settle(all)).toBe(0);
  });

  it("counts each subnet apart", () => {
    const all = new Map<string, Placeable>();
    for (let i = 0; i < 4; i += 1) all.set(`x${i}`, { ip: address(i), field: NODES, placed: "a" });
    all.set("y", { ip: ip(4, 0x0a000001n), field: NODES, placed: null });
    all.set("z", { ip: ip(6, 1n << 120n), field: NODES, placed: null });
    expect([...placements(all)]).toEqual([
      ["y", "a"],
      ["z", "a"],
    ]);
  });

  it("leaves alone what nobody can announce", () => {
    expect(placements(new Map([["s", { ip: address(1), field: [], placed: null }]])).size).toBe(0);
  });

  it("is done by one member, the same for all", () => {
    const placer = placerOf(NODES, OPTIONS.sha256);
    expect(NODES).toContain(placer);
    expect(placerOf(NODES.toReversed(), OPTIONS.sha256)).toBe(placer);
    expect(placerOf([], OPTIONS.sha256)).toBeNull();
  });
});
