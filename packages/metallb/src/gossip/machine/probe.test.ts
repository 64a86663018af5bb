import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { type GossipConfig, LAN } from "../config.ts";
import type { Endpoint } from "../events.ts";
import { silentPorts } from "../testing.ts";
import type { GossipMessage } from "../wire/messages.ts";
import type { Member } from "./member.ts";
import { MemberTable } from "./member-table.ts";
import { Prober } from "./probe.ts";

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** A prober among members, on a clock that the test moves. */
function bench(names: readonly string[], settings: Partial<GossipConfig> = {}) {
  const config = (): GossipConfig => ({ ...LAN, ...settings });
  const table = new MemberTable("me", octets(), silentPorts(config));
  table.start({ address: ip(4, 0x0a000001n), port: 7946 }, 0);
  for (const [i, node] of names.entries())
    table.alive(
      {
        kind: "alive",
        incarnation: 1,
        node,
        address: octets(10, 0, 1, i),
        port: 7946,
        meta: octets(),
        versions: octets(),
      },
      0,
    );
  const sent: { readonly to: string; readonly messages: readonly GossipMessage[] }[] = [];
  const told: string[] = [];
  let exchanges = 0;
  const prober = new Prober(table, {
    config,
    random: () => 0,
    send: (to, messages) => void sent.push({ to: "name" in to ? to.name : `port ${to.port}`, messages }),
    ping: (member, _, limit) => {
      told.push(`tcp ${member.name} ${limit}`);
      return ++exchanges;
    },
    heard: ({ name }) => void told.push(`heard ${name}`),
    unreachable: ({ name }) => void told.push(`unreachable ${name}`),
  });
  /** Until then, woken when it asks to be. */
  const run = (until: number): void => {
    for (let due = prober.nextDue; due !== null && due <= until; due = prober.nextDue) prober.time(due);
  };
  const kinds = () => sent.splice(0).map(({ to, messages }) => `${to} ${messages.map(({ kind }) => kind).join("+")}`);
  const pingOf = (to: string): number => {
    const [ping] = sent.findLast((each) => each.to === to)?.messages ?? [];
    return ping?.kind === "ping" ? ping.sequence : -1;
  };
  prober.start(0);
  return {
    table,
    prober,
    run,
    kinds,
    pingOf,
    told: () => told.splice(0),
    member: (name: string) => table.members.get(name) as Member,
  };
}

const FROM: Endpoint = { address: ip(4, 0x0a000109n), port: 4_000 };

describe("probing", () => {
  it("asks each member once before any a second time, one a second, and rests when it answers", () => {
    const b = bench(["a", "b", "c"]);
    const asked: string[] = [];
    for (let second = 0; second < 6; second++) {
      b.run(second * 1_000);
      const name = ["a", "b", "c"].find((each) => b.pingOf(each) >= 0) ?? "";
      b.prober.acked(b.pingOf(name), second * 1_000 + 5);
      expect(b.kinds()).toEqual([`${name} ping`]);
      asked.push(name);
    }
    expect([new Set(asked.slice(0, 3)).size, new Set(asked.slice(3)).size]).toEqual([3, 3]);
    expect(b.told()).toEqual(asked.map((name) => `heard ${name}`));
    expect(b.prober.awareness).toBe(0);
  });

  it("has nobody to ask alone, nor those that are gone", () => {
    const b = bench(["a"]);
    b.table.dead({ kind: "dead", incarnation: 1, node: "a", from: "x" }, 1);
    b.run(5_000);
    expect([b.kinds(), b.told()]).toEqual([[], []]);
  });

  it("asks others and over TCP after half a second, and gives up at the end of the second", () => {
    const b = bench(["a", "b", "c", "d", "e"]);
    b.run(499);
    const [first = ""] = b.kinds();
    const name = first.split(" ")[0] ?? "";
    expect(b.told()).toEqual([]);
    b.run(500);
    const helpers = b.kinds();
    expect(helpers).toHaveLength(3);
    expect(helpers.every((each) => each.endsWith(" indirect-ping") && !each.startsWith(`${name} `))).toBe(true);
    expect(b.told()).toEqual([`tcp ${name} 500`]);
    b.run(999);
    expect(b.told()).toEqual([]);
    b.run(1_000);
    expect(b.told()).toEqual([`unreachable ${name}`]);
    // No helper said that it could not: it may be our own link.
    expect(b.prober.awareness).toBe(3);
  });

  it("doubts itself the less the more helpers answer that they could not reach the member either", () => {
    for (const [nacks, awareness] of [
      [1, 2],
      [3, 0],
      [5, 0],
    ] as const) {
      const b = bench(["a", "b", "c", "d", "e"]);
      b.run(0);
      const sequence = Math.max(...["a", "b", "c", "d", "e"].map(b.pingOf));
      b.run(500);
      b.prober.nacked(sequence + 99);
      for (let i = 0; i < nacks; i++) b.prober.nacked(sequence);
      b.run(1_000);
      expect(b.prober.awareness).toBe(awareness);
    }
  });

  it("slows down while it doubts itself, and no more than it may", () => {
    const b = bench(["a"]);
    b.prober.doubt(1);
    b.run(0);
    expect(b.kinds()).toEqual(["a ping"]);
    b.run(1_999);
    expect(b.told()).toEqual(["tcp a 1000"]);
    b.prober.doubt(99);
    expect(b.prober.awareness).toBe(7);
    b.prober.doubt(-99);
    expect(b.prober.awareness).toBe(0);
  });

  it("over TCP counts as an answer, unless it is switched off", () => {
    const b = bench(["a"]);
    b.run(500);
    expect(b.told()).toEqual(["tcp a 500"]);
    expect([
      b.prober.exchanged(9, true, 600),
      b.prober.exchanged(1, true, 600),
      b.prober.exchanged(1, true, 600),
    ]).toEqual([false, true, false]);
    expect(b.told()).toEqual(["heard a"]);
    const off = bench(["a"], { disableTcpPings: true });
    off.run(1_000);
    expect(off.told()).toEqual(["unreachable a"]);
    const failed = bench(["a"]);
    failed.run(500);
    expect(failed.prober.exchanged(1, false, 600)).toBe(true);
    failed.run(1_000);
    expect(failed.told()).toEqual(["tcp a 500", "unreachable a"]);
  });

  it("takes an answer to an earlier round for none", () => {
    const b = bench(["a"]);
    b.run(0);
    const sequence = b.pingOf("a");
    b.prober.acked(sequence - 1, 5);
    b.prober.acked(sequence + 1, 5);
    expect(b.told()).toEqual([]);
    b.prober.acked(sequence, 5);
    b.prober.acked(sequence, 6);
    expect(b.told()).toEqual(["heard a"]);
  });

  it("lets a member under suspicion know, so that it can refute", () => {
    const b = bench(["a"]);
    b.table.suspect({ kind: "suspect", incarnation: 1, node: "a", from: "x" }, 0);
    b.run(0);
    expect(b.kinds()).toEqual(["a ping+suspect"]);
  });
});

describe("for others", () => {
  const ping = { kind: "ping", sequence: 7, sourceAddress: octets(), sourcePort: 0, sourceNode: "" } as const;

  it("a ping is answered when it is for us, to the port that it names", () => {
    const b = bench([]);
    for (const node of ["", "me", "somebody"]) b.prober.pinged({ ...ping, node }, FROM);
    b.prober.pinged({ ...ping, node: "me", sourcePort: 7_000 }, FROM);
    expect(b.kinds()).toEqual(["port 4000 ack", "port 4000 ack", "port 7000 ack"]);
  });

  const request = (more: object = {}) =>
    ({
      ...ping,
      kind: "indirect-ping",
      target: octets(10, 0, 1, 0),
      port: 7946,
      node: "a",
      nack: true,
      ...more,
    }) as const;

  it("a member is pinged, and its answer handed on", () => {
    const b = bench(["a"], { probeInterval: 1_000_000 });
    b.prober.askedToPing(request(), FROM, 100);
    const sequence = b.pingOf("a");
    expect(b.kinds()).toEqual(["a ping"]);
    b.prober.acked(sequence, 200);
    b.prober.acked(sequence, 201);
    expect(b.kinds()).toEqual(["port 4000 ack"]);
    expect(b.told()).toEqual([]);
  });

  it("that it could not be reached is said where that is asked for, once", () => {
    for (const nack of [true, false]) {
      const b = bench(["a"]);
      b.table.dead({ kind: "dead", incarnation: 1, node: "a", from: "x" }, 1);
      b.prober.askedToPing(request({ nack }), FROM, 100);
      b.kinds();
      b.run(599);
      expect(b.kinds()).toEqual([]);
      b.run(600);
      b.run(9_000);
      expect(b.kinds()).toEqual(nack ? ["port 4000 nack"] : []);
    }
  });

  it("its time is over when it could be said and when it cannot any more", () => {
    const b = bench([], { probeInterval: 1_000_000 });
    b.prober.askedToPing(request({ node: "new" }), FROM, 100);
    expect(b.prober.nextDue).toBe(0);
    b.run(100);
    expect(b.prober.nextDue).toBe(600);
    b.run(600);
    expect(b.prober.nextDue).toBe(1_100);
    b.run(1_100);
    expect(b.prober.nextDue).toBe(1_000_000);
  });

  it("somebody unknown is pinged at the address that is given, if it is one", () => {
    const b = bench([]);
    b.prober.askedToPing(request({ node: "new", port: 5_000 }), FROM, 100);
    b.prober.askedToPing(request({ node: "new", target: octets(1) }), FROM, 100);
    expect(b.kinds()).toEqual(["port 5000 ping"]);
  });

  it("a thousand are pinged at a time and no more", () => {
    const b = bench([], { probeInterval: 1_000_000 });
    for (let i = 0; i < 1_005; i++) b.prober.askedToPing(request({ node: "new" }), FROM, 100);
    expect(b.kinds()).toHaveLength(1_000);
    b.run(1_100);
    b.kinds();
    b.prober.askedToPing(request({ node: "new" }), FROM, 1_200);
    expect(b.kinds()).toEqual(["port 7946 ping"]);
  });
});
