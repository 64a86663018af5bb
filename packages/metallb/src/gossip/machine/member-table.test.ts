import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { LAN } from "../config.ts";
import type { Alive } from "../wire/messages.ts";
import type { Member } from "./member.ts";
import { MemberTable } from "./member-table.ts";
import { Suspicion } from "./suspicion.ts";

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** A table, and what it told. */
function bench() {
  const told: string[] = [];
  const table = new MemberTable("me", octets(1), {
    config: () => LAN,
    broadcast: (about, message) => told.push(`tell ${about} ${message.kind} ${message.incarnation}`),
    changed: ({ name, state }: Member) => told.push(`${name} ${state}`),
    doubted: () => told.push("doubted"),
    conflict: (_, claimed) => told.push(`conflict ${claimed}`),
  });
  table.start({ address: ip(4, 0x0a000001n), port: 7946 }, 5);
  const take = () => told.splice(0);
  expect(take()).toEqual(["me alive", "tell me alive 1"]);
  const alive = (node: string, more: Partial<Alive> = {}, now = 10): readonly string[] => {
    const address = octets(10, 0, 0, node.length);
    const versions = octets(1, 5, 2, 0, 0, 0);
    table.alive({ kind: "alive", incarnation: 1, node, address, port: 7946, meta: octets(), versions, ...more }, now);
    return take();
  };
  const suspect = (node: string, incarnation: number, from = "x", now = 20): readonly string[] => {
    table.suspect({ kind: "suspect", incarnation, node, from }, now);
    return take();
  };
  const dead = (node: string, incarnation: number, from = "x", now = 30): readonly string[] => {
    table.dead({ kind: "dead", incarnation, node, from }, now);
    return take();
  };
  const state = (name: string) => table.members.get(name)?.state;
  return { table, take, alive, suspect, dead, state };
}

describe("a member", () => {
  it("that is alive is told on once, and again when it says something newer", () => {
    const { alive, table } = bench();
    expect(alive("a")).toEqual(["tell a alive 1", "a alive"]);
    expect(alive("a")).toEqual([]);
    expect(alive("a", { incarnation: 2 })).toEqual(["tell a alive 2"]);
    expect(alive("a", { incarnation: 3, meta: octets(7) })).toEqual(["tell a alive 3", "a alive"]);
    expect(alive("a", { incarnation: 1 })).toEqual([]);
    expect([table.aliveCount, table.members.get("a")?.since]).toEqual([2, 10]);
    expect(table.members.get("a")?.meta).toEqual(octets(7));
  });

  it("without a name, with one too long, or with no address is none", () => {
    const { alive, table } = bench();
    expect([alive(""), alive("x".repeat(254)), alive("a", { address: octets(1, 2) })]).toEqual([[], [], []]);
    expect(table.members.size).toBe(1);
    expect(alive("x".repeat(253), { address: octets(10, 0, 0, 9) })).toHaveLength(2);
  });

  it("keeps of its meta and versions what the protocol allows", () => {
    const { alive, table } = bench();
    alive("a", { meta: new Uint8Array(600), versions: new Uint8Array(9) });
    const { meta, versions } = table.members.get("a") as Member;
    expect([meta.length, versions.length]).toEqual([512, 6]);
  });

  it("elsewhere is a conflict while the first one lives, and a return after it has left or died", () => {
    const { alive, dead, state } = bench();
    const moved = { address: octets(10, 0, 0, 77), incarnation: 9 };
    alive("a");
    expect(alive("a", moved)).toEqual(["conflict a"]);
    expect(alive("a", { port: 1, incarnation: 9 })).toEqual(["conflict a"]);
    dead("a", 1);
    expect(alive("a", moved, 30)).toEqual(["conflict a"]);
    expect([alive("a", moved, 31), state("a")]).toEqual([["tell a alive 9", "a alive"], "alive"]);
    dead("a", 9, "a", 40);
    expect(alive("a", { incarnation: 10, address: octets(10, 0, 0, 78) }, 40)).toEqual(["tell a alive 10", "a alive"]);
  });

  it("is suspected by what is not older than it, once, and refutes by what is newer", () => {
    const { alive, suspect, state, table } = bench();
    alive("a", { incarnation: 4 });
    expect(suspect("a", 3)).toEqual([]);
    expect(suspect("nobody", 4)).toEqual([]);
    expect(suspect("a", 4)).toEqual(["tell a suspect 4", "a suspect"]);
    expect(suspect("a", 4)).toEqual([]);
    expect([state("a"), table.aliveCount, table.suspects.size]).toEqual(["suspect", 2, 1]);
    expect(alive("a", { incarnation: 4 })).toEqual([]);
    expect(alive("a", { incarnation: 5 })).toEqual(["tell a alive 5", "a alive"]);
    expect([state("a"), table.suspects.size, table.members.get("a")?.suspicion]).toEqual(["alive", 0, null]);
  });

  it("under suspicion is told of again by each other that suspects it, as far as that shortens the time", () => {
    const { alive, suspect, table } = bench();
    for (const name of ["a", "bb", "ccc", "dddd"]) alive(name);
    expect(suspect("a", 1, "x")).toEqual(["tell a suspect 1", "a suspect"]);
    const ends = () => table.members.get("a")?.suspicion?.endsAt ?? 0;
    const first = ends();
    expect(suspect("a", 1, "x")).toEqual([]);
    expect(suspect("a", 1, "y")).toEqual(["tell a suspect 1"]);
    expect(suspect("a", 1, "z")).toEqual(["tell a suspect 1"]);
    expect(suspect("a", 1, "w")).toEqual([]);
    expect(ends()).toBeLessThan(first);
  });

  it("is one of 20,000 at most", () => {
    const { alive, table } = bench();
    for (let i = 0; i < 19_999; i++) alive(`n${i}`, { address: octets(10, 1, i >> 8, i & 255) });
    expect([alive("late"), table.members.size]).toEqual([[], 20_000]);
    expect(alive("n5", { address: octets(10, 1, 0, 5), incarnation: 2 })).toHaveLength(1);
  });

  it("is dead by another's word and has left by its own, once", () => {
    const { alive, dead, state, table, suspect } = bench();
    for (const name of ["a", "bb"]) alive(name, { incarnation: 2 });
    expect(dead("a", 1)).toEqual([]);
    expect([dead("a", 2), dead("bb", 2, "bb")]).toEqual([
      ["tell a dead 2", "a dead"],
      ["tell bb dead 2", "bb left"],
    ]);
    expect([dead("a", 3), dead("bb", 3), suspect("a", 3), dead("nobody", 1)]).toEqual([[], [], [], []]);
    expect([state("a"), state("bb"), table.aliveCount]).toEqual(["dead", "left", 1]);
    expect(alive("a", { incarnation: 3 })).toEqual(["tell a alive 3", "a alive"]);
    expect(table.aliveCount).toBe(2);
  });

  it("under suspicion is dead when its time is over", () => {
    const { alive, suspect, table, take, state } = bench();
    alive("a");
    suspect("a", 1, "x", 100);
    const endsAt = table.members.get("a")?.suspicion?.endsAt ?? 0;
    table.expire(endsAt - 1);
    expect(take()).toEqual([]);
    table.expire(endsAt);
    expect([take(), state("a"), table.suspects.size]).toEqual([["tell a dead 1", "a dead"], "dead", 0]);
  });

  it("that is gone is forgotten after a while, and never we", () => {
    const { alive, dead, table, suspect } = bench();
    for (const name of ["a", "bb", "ccc", "dddd"]) alive(name);
    dead("a", 1, "x", 100);
    dead("bb", 1, "bb", 200);
    suspect("ccc", 1);
    table.forget(200);
    expect([...table.members.keys()]).toEqual(["me", "bb", "ccc", "dddd"]);
    table.forget(201);
    expect([...table.members.keys()]).toEqual(["me", "ccc", "dddd"]);
    expect(
      table
        .some(
          9,
          () => 0,
          () => true,
        )
        .map(({ name }) => name)
        .sort(),
    ).toEqual(["ccc", "dddd"]);
  });
});

describe("we", () => {
  it("refute what is said of us, louder than it was said", () => {
    const { suspect, dead, table, alive } = bench();
    expect(suspect("me", 0)).toEqual([]);
    expect(suspect("me", 1)).toEqual(["doubted", "tell me alive 2"]);
    expect(dead("me", 8)).toEqual(["doubted", "tell me alive 9"]);
    // What we said ourselves comes back.
    const { kind: _, ...own } = table.selfAlive();
    expect(alive("me", own)).toEqual([]);
    expect(alive("me", { ...own, incarnation: 3 })).toEqual([]);
    expect(alive("me", { ...own, meta: octets(9) })).toEqual(["doubted", "tell me alive 10"]);
    expect(alive("me", { ...own, incarnation: 20 })).toEqual(["doubted", "tell me alive 21"]);
    expect(table.self.state).toBe("alive");
  });

  it("say anew what differs of us, and only that", () => {
    const { table, take } = bench();
    table.setMeta(octets(1));
    expect(take()).toEqual([]);
    table.setMeta(octets(1, 2));
    expect([take(), table.selfAlive().meta]).toEqual([["tell me alive 2"], octets(1, 2)]);
  });

  it("leave by our own word, and refute nothing afterwards", () => {
    const { table, take, suspect, alive } = bench();
    table.leave(50);
    expect([take(), table.self.state, table.aliveCount]).toEqual([["tell me dead 1", "me left"], "left", 0]);
    expect([suspect("me", 5), alive("me", { incarnation: 9 })]).toEqual([[], []]);
  });
});

describe("another's table", () => {
  it("says who lives and who left; whom it takes for dead is only suspected", () => {
    const { table, alive, take } = bench();
    for (const name of ["a", "bb", "ccc"]) alive(name);
    const states = { a: "dead", bb: "left", ccc: "suspect", dddd: "alive" } as const;
    const other = bench();
    for (const name of Object.keys(states)) other.alive(name);
    for (const [name, state] of Object.entries(states)) {
      const member = other.table.members.get(name);
      if (member) member.state = state;
    }
    table.merge(
      other.table.table().filter(({ name }) => name !== "me"),
      60,
    );
    expect(take()).toEqual([
      "tell a suspect 1",
      "a suspect",
      "tell bb dead 1",
      "bb left",
      "tell ccc suspect 1",
      "ccc suspect",
      "tell dddd alive 1",
      "dddd alive",
    ]);
  });
});

describe("a draw of others", () => {
  it("gives those that fit, each once, also from many, and never us", () => {
    for (const count of [5, 200]) {
      const { table, alive } = bench();
      for (let i = 0; i < count; i++) alive(`n${i}`, { address: octets(10, 1, i >> 8, i & 255) });
      let seed = 7;
      const random = (): number => {
        seed = (seed * 16_807) % 2_147_483_647;
        return seed / 2_147_483_647;
      };
      const drawn = table.some(3, random, ({ name }) => name !== "n0");
      expect(new Set(drawn).size).toBe(3);
      expect(drawn.some(({ name, isSelf }) => isSelf || name === "n0")).toBe(false);
      expect(table.some(3, random, () => false)).toEqual([]);
      expect(table.some(4, random, () => true)).toHaveLength(4);
    }
  });
});

describe("a suspicion", () => {
  const ends = (suspicion: Suspicion) => Math.round(suspicion.endsAt);

  it("ends sooner for each independent word, from the most to the least", () => {
    const suspicion = new Suspicion("a", 2, 100, 600, 1_000);
    expect(ends(suspicion)).toBe(1_600);
    expect([suspicion.confirm("a"), ends(suspicion)]).toEqual([false, 1_600]);
    expect([suspicion.confirm("b"), ends(suspicion)]).toEqual([true, 1_285]);
    expect([suspicion.confirm("b"), suspicion.confirm("c"), ends(suspicion)]).toEqual([false, true, 1_100]);
    // Enough have said it.
    expect([suspicion.confirm("d"), ends(suspicion)]).toEqual([false, 1_100]);
  });

  it("waits for nobody where there is nobody to say it too", () => {
    expect(ends(new Suspicion("a", 0, 100, 600, 1_000))).toBe(1_100);
    const few = bench();
    few.alive("a");
    few.suspect("a", 1, "x", 0);
    expect(few.table.members.get("a")?.suspicion?.endsAt).toBe(4_000);
    // Of three members, ourselves included, nobody else can say it; of four one can.
    for (const [others, endsAt] of [
      [["bb"], 4_000],
      [["bb", "ccc"], 24_000],
    ] as const) {
      const some = bench();
      for (const name of ["a", ...others]) some.alive(name);
      some.suspect("a", 1, "x", 0);
      expect(some.table.members.get("a")?.suspicion?.endsAt).toBe(endsAt);
    }
    const many = bench();
    for (let i = 0; i < 99; i++) many.alive(`n${i}`, { address: octets(10, 1, 0, i) });
    many.suspect("n1", 1, "x", 0);
    expect(many.table.members.get("n1")?.suspicion?.endsAt).toBeCloseTo(4 * 2 * 1_000 * 6);
  });
});
