import { describe, expect, it } from "vitest";
import { isEligible, LAN } from "./index.ts";
import { chance, SimulatedLan } from "./testing.ts";

// Three minutes of virtual time and some members with every run; an hour of each with CI=true, which takes seconds;
// METALLB_SIMULATION=full makes it a thousand members too, which takes minutes of a processor.

const isFull = process.env.METALLB_SIMULATION === "full";
const MINUTES = isFull || process.env.CI === "true" ? 60 : 3;
const MEMBERS = isFull ? 1_000 : 60;

/** Those that were declared out of elections by another, though they live: the first few, and how many there are. */
function falseMoves(on: SimulatedLan, from: number, states: (state: string) => boolean = () => true) {
  const all = on.nodes.flatMap(({ told, name }) =>
    told
      .filter(({ at, report }) => at >= from && report.name !== name && !isEligible(report.state))
      .filter(({ report }) => states(report.state))
      .map(({ at, report }) => `${Math.round(at - from)} ms: ${name} takes ${report.name} for ${report.state}`),
  );
  return { count: all.length, first: all.slice(0, 5) };
}
const NONE = { count: 0, first: [] };
const isDead = (state: string): boolean => state === "dead";

/** Three speakers that watch each other. */
function watching(seed: number): SimulatedLan {
  const on = new SimulatedLan(seed);
  on.add(3);
  on.joinAll();
  on.run(5_000);
  for (const node of on.nodes) on.step(node, { kind: "watch", nodes: on.nodes.map(({ name }) => name) });
  on.run(1_000);
  return on;
}

/**
 * Stops each node now and then: `every` and `least` to `most` in milliseconds. Never twice in a row: together the
 * two would be longer than what counts as silence.
 */
function withPauses(on: SimulatedLan, every: number, least: number, most: number): void {
  const random = chance(11);
  const until = on.now + MINUTES * 60_000;
  while (on.now < until) {
    for (const node of on.nodes)
      if (random() < 100 / every && node.frozenUntil < on.now - 200)
        node.frozenUntil = on.now + least + random() * (most - least);
    on.run(100);
  }
}

describe(`in ${MINUTES} minutes no address moves`, () => {
  const limit = { timeout: 600_000 };

  it("while a fifth of all datagrams is lost, and they overtake each other", limit, () => {
    const on = watching(1);
    const from = on.now;
    on.loss = 0.2;
    on.jitter = 60;
    on.run(MINUTES * 60_000);
    expect(falseMoves(on, from)).toEqual(NONE);
  });

  it("while the collection of garbage stops each speaker for 10 to 120 ms a second", limit, () => {
    const on = watching(2);
    const from = on.now;
    withPauses(on, 1_000, 10, 120);
    expect(falseMoves(on, from)).toEqual(NONE);
  });

  it("while a loaded machine stops each for 20 to 60 ms ten times a second, and a twentieth is lost", limit, () => {
    const on = watching(3);
    const from = on.now;
    on.loss = 0.05;
    withPauses(on, 150, 20, 60);
    expect(falseMoves(on, from)).toEqual(NONE);
  });

  it("though each is frozen for 200 ms now and then", limit, () => {
    const on = watching(4);
    const from = on.now;
    withPauses(on, 20_000, 200, 200);
    expect(falseMoves(on, from)).toEqual(NONE);
  });
});

describe(`of ${MEMBERS} members`, () => {
  const config = { ...LAN, enableCompression: false };
  const crowd = (seed: number): SimulatedLan => {
    const on = new SimulatedLan(seed);
    on.add(MEMBERS, { config, know: true });
    return on;
  };
  const stateAt = (on: SimulatedLan, seer: number, seen: number) =>
    on
      .node(seer)
      .engine.members()
      .find(({ name }) => name === `node-${seen}`)?.state;

  it("none that lives is declared dead with a fifth of loss, and one that dies is by all", {
    timeout: 3_600_000,
  }, () => {
    const on = crowd(1);
    const alive = on.nodes.map(({ engine }) => engine.members().filter(({ state }) => state === "alive").length);
    expect(Math.min(...alive)).toBe(MEMBERS);
    const from = on.now;
    on.loss = 0.2;
    on.run(30_000);
    expect(falseMoves(on, from, isDead)).toEqual(NONE);
    on.node(7).dead = true;
    on.run(90_000);
    const seers = on.nodes.filter(({ index }) => index !== 7).map(({ index }) => stateAt(on, index, 7));
    expect(new Set(seers)).toEqual(new Set(["dead"]));
  });

  it("those who are not heard in one direction, or by some, are not declared dead", { timeout: 3_600_000 }, () => {
    const on = crowd(2);
    const from = on.now;
    // Node 3 hears nothing of node 4, and a tenth of all paths is gone in one direction.
    on.reaches = (a, b) => !(a === 4 && b === 3) && (a * 31 + b * 17) % 10 !== 0;
    on.run(60_000);
    expect(falseMoves(on, from, isDead)).toEqual(NONE);
  });
});
