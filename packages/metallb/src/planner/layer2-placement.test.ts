import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ip, ip } from "#net";
import { levelling, type Placeable, placements, placerOf } from "./layer2-placement.ts";
import { OPTIONS } from "./testing.ts";

const NODES = ["a", "b", "c", "d"];
const address = (n: number): Ip => ip(4, 0xc0000200n + BigInt(n));

const alone = (n: number, among: readonly string[], placed: string | null = null): Placeable => ({
  ip: address(n),
  field: among,
  placed,
  isShared: false,
  written: placed ?? undefined,
});

/** Places until nothing is left to place, as the speakers do by writing what they are told. */
function settle(all: Map<string, Placeable>): number {
  let moves = 0;
  for (const [key, node] of placements(all)) {
    const each = all.get(key) as Placeable;
    if (each.field[0] !== node) moves += 1;
    all.set(key, { ...each, placed: node, written: node });
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
          const all = new Map<string, Placeable>(orders.map((order, i) => [`s${i}`, alone(i, field(order, NODES))]));
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
          all.set("t", alone(200, NODES));
          settle(all);
          if (orders.length >= 6) expect(all.get("t")?.placed).toBe(lost);
          for (const [key, { placed }] of after) expect(all.get(key)?.placed).toBe(placed);
        },
      ),
    );
  });

  it("leaves an address where it is announced already, of nodes that have equally many", () => {
    const all = new Map([["s", alone(1, ["c", "a"])]]);
    expect(settle(all)).toBe(0);
  });

  it("counts each subnet apart", () => {
    const all = new Map<string, Placeable>();
    for (let i = 0; i < 4; i += 1) all.set(`x${i}`, alone(i, NODES, "a"));
    all.set("y", { ...alone(0, NODES), ip: ip(4, 0x0a000001n) });
    all.set("z", { ...alone(0, NODES), ip: ip(6, 1n << 120n) });
    expect([...placements(all)]).toEqual([
      ["y", "a"],
      ["z", "a"],
    ]);
  });

  it("leaves alone what nobody can announce", () => {
    expect(placements(new Map([["s", alone(1, [])]])).size).toBe(0);
  });

  it("is done by one member, the same for all", () => {
    const placer = placerOf(NODES, OPTIONS.sha256);
    expect(NODES).toContain(placer);
    expect(placerOf(NODES.toReversed(), OPTIONS.sha256)).toBe(placer);
    expect(placerOf([], OPTIONS.sha256)).toBeNull();
  });
});

describe("addresses that Services share", () => {
  const sharing = (n: number, placed: string | null, written: string | undefined): Placeable => ({
    ...alone(n, NODES, placed),
    isShared: true,
    written,
  });

  it("count as one, and all of them are placed where the first is", () => {
    const all = new Map<string, Placeable>([
      ["a1", sharing(1, null, undefined)],
      ["a2", sharing(1, null, "lost")],
      ["b", alone(2, NODES)],
      ["c", alone(3, NODES)],
      ["d", alone(4, NODES)],
    ]);
    const placed = placements(all);
    expect(placed.get("a1")).toBe(placed.get("a2"));
    expect(new Set(placed.values())).toEqual(new Set(NODES));
  });

  it("get written on each where they are, and nothing on those that say so already", () => {
    const all = new Map<string, Placeable>([
      ["a1", sharing(1, "c", "c")],
      ["a2", sharing(1, "c", undefined)],
      ["a3", sharing(1, "c", "b")],
    ]);
    expect([...placements(all)]).toEqual([
      ["a2", "c"],
      ["a3", "c"],
    ]);
    expect(levelling(all)).toEqual([]);
  });

  it("move as one", () => {
    const all = new Map<string, Placeable>([
      ["a1", sharing(1, "a", "a")],
      ["a2", sharing(1, "a", "a")],
      ["b", { ...alone(2, ["a"], "a") }],
    ]);
    expect(levelling(all)).toMatchObject([{ services: ["a1", "a2"], from: "a", to: "b" }]);
  });
});

describe("levelling", () => {
  /** The least that must leave nodes with more than their share. */
  const fewestMoves = (counts: readonly number[]): number => {
    const sum = counts.reduce((a, b) => a + b, 0);
    const [low, more] = [Math.floor(sum / counts.length), sum % counts.length];
    return counts
      .toSorted((a, b) => b - a)
      .reduce((moves, count, i) => moves + Math.max(0, count - low - (i < more ? 1 : 0)), 0);
  };
  const level = (all: ReadonlyMap<string, Placeable>): Map<string, Placeable> => {
    const after = new Map(all);
    for (const { services, from, to } of levelling(all))
      for (const key of services) {
        const each = after.get(key) as Placeable;
        expect([each.placed, each.field.includes(to)]).toEqual([from, true]);
        after.set(key, { ...each, placed: to });
      }
    return after;
  };

  it("leaves no two nodes more than one apart, in as few moves as that takes", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...NODES), { maxLength: 60 }), (places) => {
        const all = new Map(places.map((place, i) => [`s${i}`, alone(i, NODES, place)] as const));
        expect(levelling(all)).toHaveLength(fewestMoves(countsOf(all, NODES)));
        const after = level(all);
        expect(spread(countsOf(after, NODES))).toBeLessThanOrEqual(1);
        expect(levelling(after)).toEqual([]);
      }),
    );
  });

  it("comes as near as the nodes that can announce each allow, by way of others where need be", () => {
    // Only b can take what a has, and only c what b has.
    const all = new Map<string, Placeable>([
      ["s1", alone(1, ["a", "b"], "a")],
      ["s2", alone(2, ["a", "b"], "a")],
      ["s3", alone(3, ["b", "c"], "b")],
    ]);
    expect(countsOf(level(all), NODES)).toEqual([1, 1, 1, 0]);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.subarray(NODES, { minLength: 1 }), fc.nat(3)), { maxLength: 7 }), (given) => {
        const fields = given.map(([among]) => among);
        const before = new Map(
          given.map(([among, n], i) => [`s${i}`, alone(i, among, among[n % among.length] ?? "")] as const),
        );
        const squares = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count * count, 0);
        const best = (i: number, counts: readonly number[]): number => {
          const among = fields[i];
          if (!among) return squares(counts);
          return Math.min(
            ...among.map((node) =>
              best(
                i + 1,
                counts.map((count, j) => (NODES[j] === node ? count + 1 : count)),
              ),
            ),
          );
        };
        expect(squares(countsOf(level(before), NODES))).toBe(best(0, [0, 0, 0, 0]));
      }),
      { numRuns: 40 },
    );
  });
});
