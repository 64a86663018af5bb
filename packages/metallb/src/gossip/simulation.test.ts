import { describe, expect, it } from "vitest";
import { isEligible, LAN } from "./index.ts";
import { SimulatedLan } from "./testing.ts";

/** A LAN on which everybody knows everybody, and the first three watch each other. */
function lan(count: number, seed = 1): SimulatedLan {
  const made = new SimulatedLan(seed);
  made.add(count);
  made.joinAll();
  made.run(10_000);
  return made;
}

function watchAll(on: SimulatedLan, count = 3): void {
  for (const node of on.nodes.slice(0, count))
    on.step(node, { kind: "watch", nodes: on.nodes.slice(0, count).map(({ name }) => name) });
  on.run(1_000);
}

const stateAt = (on: SimulatedLan, seer: number, seen: number) => on.node(seer).seen.get(`node-${seen}`)?.state;
/** Instants at which a node was declared out of elections by one of the others. */
const moves = (on: SimulatedLan, from: number) =>
  on.nodes.flatMap(({ told, name }) =>
    told.filter(({ at, report }) => at >= from && report.name !== name && !isEligible(report.state)),
  );

describe("members", () => {
  it("find each other through one of them, and say when elections may begin", () => {
    const on = lan(20);
    for (const node of on.nodes) {
      expect(node.engine.members().filter(({ state }) => state === "alive")).toHaveLength(20);
      expect(node.joined).not.toBeNull();
      expect(node.index === 0 || (node.joined ?? 9_999) < 100).toBe(true);
    }
    expect(on.node(0).joined).toBe(3_000);
  });

  it("that die are declared dead by all, after suspicion", () => {
    const on = lan(10);
    const from = on.now;
    on.node(9).dead = true;
    on.run(40_000);
    for (let i = 0; i < 9; i += 1) expect(stateAt(on, i, 9)).toBe("dead");
    const declared = moves(on, from).map(({ at }) => at - from);
    expect(Math.min(...declared)).toBeGreaterThan(3_000);
  });

  it("that leave say so, and all know within a tenth of a second", () => {
    const on = lan(10);
    on.step(on.node(9), { kind: "leave" });
    on.node(9).dead = true;
    on.run(100);
    for (let i = 0; i < 9; i += 1) expect(stateAt(on, i, 9)).toBe("left");
  });

  it("that were frozen for less than the suspicion refute it", () => {
    const on = lan(10);
    on.node(9).frozenUntil = on.now + 2_500;
    on.run(60_000);
    for (let i = 0; i < 9; i += 1) expect(on.node(i).told.some(({ report }) => report.state === "dead")).toBe(false);
    for (let i = 0; i < 9; i += 1) expect(stateAt(on, i, 9)).toBe("alive");
  });

  it("of two halves find each other again when the partition is healed", () => {
    const on = lan(10);
    on.reaches = (a, b) => a < 5 === b < 5;
    on.run(60_000);
    expect(stateAt(on, 0, 9)).toBe("dead");
    on.reaches = () => true;
    for (const node of on.nodes) on.step(node, { kind: "join", addresses: on.nodes.map(({ address }) => address) });
    on.run(5_000);
    for (const node of on.nodes)
      expect(node.engine.members().filter(({ state }) => state === "alive")).toHaveLength(10);
  });

  it("are two hundred that start at once, and find each other within ten seconds", { timeout: 60_000 }, () => {
    const on = new SimulatedLan(1);
    // Compressing costs the simulation more than all else.
    on.add(200, { config: { ...LAN, enableCompression: false } });
    on.joinAll();
    on.run(10_000);
    const counts = on.nodes.map(({ engine }) => engine.members().filter(({ state }) => state === "alive").length);
    expect(Math.min(...counts)).toBe(200);
  });

  it("cost one ping and one answer a second when all is quiet, and agree on a death", () => {
    const on = lan(50);
    on.run(20_000);
    const before = on.datagrams;
    on.run(5_000);
    expect((on.datagrams - before) / on.nodes.length / 5).toBeLessThan(2.5);
    on.node(49).dead = true;
    on.run(40_000);
    for (let i = 0; i < 49; i += 1) expect(stateAt(on, i, 49)).toBe("dead");
  });
});

describe("a watch", () => {
  it("notices a death within 350 ms, a freeze and a cut too", () => {
    for (const fail of ["dies", "freezes", "is cut"]) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const on = lan(3, seed);
        watchAll(on);
        on.run(seed * 7);
        const from = on.now;
        if (fail === "dies") on.node(0).dead = true;
        else if (fail === "freezes") on.node(0).frozenUntil = on.now + 60_000;
        else on.reaches = (a, b) => a !== 0 && b !== 0;
        on.run(1_000);
        for (const seer of [1, 2]) {
          const at = on.node(seer).told.find((told) => told.at >= from && told.report.state === "silent")?.at;
          expect(at, `${fail}, seed ${seed}`).toBeDefined();
          expect((at ?? 0) - from).toBeLessThan(350);
          expect((at ?? 0) - from).toBeGreaterThan(200);
        }
      }
    }
  });

  it("goes on when one that was cut off comes back and says that the others are dead", () => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const on = lan(5, seed);
      watchAll(on, 5);
      on.run(2_000);
      const from = on.now;
      on.reaches = (a, b) => (a === 0) === (b === 0);
      on.run(60_000);
      expect(on.node(0).told.filter((told) => told.at >= from && told.report.state === "dead").length).toBeGreaterThan(
        1,
      );
      on.reaches = () => true;
      on.step(on.node(0), { kind: "join", addresses: [on.node(1).address] });
      on.run(60_000);
      for (const seer of [1, 2, 3, 4]) {
        const wrong = on
          .node(seer)
          .told.filter(({ at, report }) => at >= from && report.name !== "node-0" && !isEligible(report.state));
        expect(
          wrong.map(({ report }) => `${report.name} ${report.state}`),
          `seed ${seed}`,
        ).toEqual([]);
        expect(stateAt(on, seer, 0)).toBe("alive");
        expect(stateAt(on, 0, seer)).toBe("alive");
      }
    }
  });

  it("of two successors among forty notices the death of the one they watch as fast, and they agree", () => {
    for (const seed of [1, 2, 3]) {
      const on = lan(40, seed);
      // Node 0 owns, nodes 1 and 2 are next in line: the second watches the first too.
      on.step(on.node(1), { kind: "watch", nodes: ["node-0"] });
      on.step(on.node(2), { kind: "watch", nodes: ["node-0", "node-1"] });
      on.run(2_000);
      const quiet = on.datagrams;
      on.run(1_000);
      // Three watches of twenty beats a second each, and memberlist's own.
      expect(on.datagrams - quiet).toBeLessThan(3 * 25 + 40 * 3);
      const from = on.now;
      on.node(0).dead = true;
      on.run(1_000);
      const noticed = (seer: number) =>
        on
          .node(seer)
          .told.find(({ at, report }) => at >= from && report.name === "node-0" && report.state === "silent");
      for (const seer of [1, 2]) expect((noticed(seer)?.at ?? Number.POSITIVE_INFINITY) - from).toBeLessThan(350);
      expect(noticed(3)).toBeUndefined();
      on.node(1).dead = true;
      on.run(1_000);
      expect(stateAt(on, 2, 1)).toBe("silent");
    }
  });

  it("takes a fifth of loss for no death in ten minutes", { timeout: 60_000 }, () => {
    const on = lan(3, 4);
    watchAll(on);
    const from = on.now;
    on.loss = 0.2;
    on.run(600_000);
    expect(moves(on, from)).toEqual([]);
  });

  it("asks others when one direction of one path is gone", () => {
    const on = lan(4);
    watchAll(on, 4);
    const from = on.now;
    on.reaches = (a, b) => !(a === 0 && b === 1);
    on.run(60_000);
    expect(moves(on, from).filter(({ report }) => report.state === "silent")).toEqual([]);
  });

  it("takes its own sleep for no silence of the others", () => {
    const on = lan(3);
    watchAll(on);
    const from = on.now;
    on.node(1).frozenUntil = on.now + 5_000;
    on.run(5_500);
    expect(on.node(1).told.filter(({ at }) => at >= from)).toEqual([]);
    // The others took it for silent, and tell it when they do so no more: its neighbours must hear of it again.
    on.run(3_000);
    expect(stateAt(on, 0, 1)).toBe("alive");
    expect(on.node(1).healed).toBe(2);
  });

  it("counts a member again after a second of beats, later each time that it was lost", () => {
    const on = lan(3);
    watchAll(on);
    const away = (): number => {
      on.reaches = (a, b) => a !== 0 && b !== 0;
      on.run(1_000);
      expect(stateAt(on, 1, 0)).toBe("silent");
      on.reaches = () => true;
      const from = on.now;
      on.run(10_000);
      const back = on
        .node(1)
        .told.find(({ at, report }) => at >= from && report.name === "node-0" && report.state !== "silent");
      return (back?.at ?? 0) - from;
    };
    const [first, second, third] = [away(), away(), away()];
    expect(first).toBeGreaterThanOrEqual(1_000);
    expect(first).toBeLessThan(1_300);
    expect(second).toBeGreaterThanOrEqual(2_000);
    expect(third).toBeGreaterThanOrEqual(4_000);
  });

  it("says nothing of speakers that send no beats, such as MetalLB's own", () => {
    const on = new SimulatedLan(1);
    on.add(2);
    on.add(1, { ours: false });
    on.joinAll();
    on.run(5_000);
    watchAll(on);
    const from = on.now;
    on.node(2).dead = true;
    on.run(2_000);
    expect(moves(on, from)).toEqual([]);
  });
});

it("never throws at any octets, and changes nothing for them", () => {
  const on = lan(3);
  const from = { address: on.node(1).address, port: 7_946 };
  let state = 7;
  for (let i = 0; i < 20_000; i += 1) {
    const bytes = Uint8Array.from({ length: i % 64 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return i % 3 === 0 ? (state >>> 16) % 14 : state >>> 24;
    });
    on.step(on.node(0), { kind: "datagram", from, bytes });
  }
  expect(on.node(0).engine.members()).toHaveLength(3);
});
