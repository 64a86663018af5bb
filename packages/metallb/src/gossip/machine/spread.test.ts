import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { type GossipConfig, LAN } from "../config.ts";
import { chance, silentPorts } from "../testing.ts";
import { VERSIONS } from "./member.ts";
import { MemberTable } from "./member-table.ts";
import { Spread } from "./spread.ts";
import { TableSync } from "./table-sync.ts";

/** A table with so many others, and what is sent to whom. */
function bench(others: number, settings: Partial<GossipConfig> = {}) {
  const config = (): GossipConfig => ({ ...LAN, ...settings });
  const table = new MemberTable("me", new Uint8Array(), silentPorts(config));
  table.start({ address: ip(4, 0x0a000000n), port: 7_946 }, 0);
  const common = { incarnation: 1, port: 7_946, meta: new Uint8Array(), versions: VERSIONS };
  for (let i = 1; i <= others; i++)
    table.alive({ kind: "alive", node: `n${i}`, address: Uint8Array.of(10, 0, i >> 8, i & 255), ...common }, 0);
  return { table, config };
}

describe("news", () => {
  function spreading(others: number, settings: Partial<GossipConfig> = {}) {
    const { table, config } = bench(others, settings);
    const sent: { readonly to: string; readonly count: number }[] = [];
    const spread = new Spread({
      config,
      random: chance(1),
      send: ({ name }, messages) => void sent.push({ to: name, count: messages.length }),
    });
    const take = () => sent.splice(0).map(({ to, count }) => `${to} ${count}`);
    return { spread, table, take };
  }
  const piece = (length = 100) => new Uint8Array(length);

  it("is told to some others every fifth of a second, as long as there is any", () => {
    const { spread, table, take } = spreading(5);
    expect(spread.nextDue).toBeNull();
    spread.add("early", piece());
    spread.time(table, 0);
    expect([take(), spread.nextDue]).toEqual([[], null]);
    spread.start(50);
    expect(spread.nextDue).toBe(50);
    spread.time(table, 49);
    expect(take()).toEqual([]);
    spread.time(table, 50);
    expect([take().length, spread.nextDue]).toEqual([3, 250]);
    spread.time(table, 249);
    expect(take()).toEqual([]);
    for (let now = 250; spread.nextDue !== null; now += 200) spread.time(table, now);
    take();
    spread.time(table, 9_000);
    expect(take()).toEqual([]);
    // What comes then is told at the next turn.
    spread.add("late", piece());
    expect(spread.nextDue).toBe(9_200);
  });

  it.each([
    [2, 4],
    [8, 4],
    [9, 8],
    [98, 8],
    [99, 12],
  ])("among %d others is told %d times", (others, times) => {
    const { spread, table, take } = spreading(others);
    spread.add("a", piece());
    spread.start(0);
    let count = 0;
    for (let now = 0; now < 20_000 && spread.nextDue !== null; now += 200) {
      spread.time(table, now);
      count += take().length;
    }
    expect(count).toBe(times);
  });

  it("fills a datagram and no more", () => {
    const { spread, table, take } = spreading(1, { udpBufferSize: 512 });
    // 36 octets are for the packet, and two for each part.
    for (let i = 0; i < 6; i++) spread.add(`a${i}`, piece(117));
    spread.start(0);
    spread.time(table, 0);
    expect(take()).toEqual(["n1 4"]);
    const close = spreading(1, { udpBufferSize: 511 });
    for (let i = 0; i < 6; i++) close.spread.add(`a${i}`, piece(117));
    close.spread.start(0);
    close.spread.time(close.table, 0);
    expect(close.take()).toEqual(["n1 3"]);
  });

  it("is told to the dead for a while, so that they can object, and to none that left", () => {
    const { spread, table, take } = spreading(3);
    table.dead({ kind: "dead", incarnation: 1, node: "n1", from: "n2" }, 100);
    table.dead({ kind: "dead", incarnation: 1, node: "n3", from: "n3" }, 100);
    for (let i = 0; i < 40; i++) spread.add(`a${i}`, piece(300));
    spread.start(0);
    const told = (now: number) => {
      spread.time(table, now);
      return new Set(take().map((each) => each.split(" ")[0]));
    };
    expect(told(200)).toEqual(new Set(["n1", "n2"]));
    expect(told(30_099)).toEqual(new Set(["n1", "n2"]));
    expect(told(30_300)).toEqual(new Set(["n2"]));
  });

  it("that we leave is told at once to 64 who live", () => {
    const { spread, table, take } = spreading(100);
    spread.farewell(table, piece());
    expect(take()).toHaveLength(64);
    const few = spreading(3);
    few.table.suspect({ kind: "suspect", incarnation: 1, node: "n1", from: "n2" }, 1);
    few.table.dead({ kind: "dead", incarnation: 1, node: "n2", from: "n3" }, 1);
    few.spread.farewell(few.table, piece());
    expect(few.take()).toEqual(["n3 1"]);
  });
});

describe("tables", () => {
  function syncing(others: number, settings: Partial<GossipConfig> = {}, random = 0.5) {
    const { table, config } = bench(others, settings);
    const asked: string[] = [];
    let joined = 0;
    const logged: string[] = [];
    const sync = new TableSync(table, {
      config,
      random: () => random,
      exchange: ({ address, port }, message) =>
        asked.push(
          `${Number(address.value) - 0x0a000000}:${port} ${message.kind === "push-pull" && message.join ? "join" : "table"}`,
        ),
      joined: () => void joined++,
      log: (message) => void logged.push(message),
    });
    return { sync, table, asked: () => asked.splice(0), joined: () => joined, logged };
  }
  const answer = { kind: "push-pull", join: false, nodes: [], userState: new Uint8Array() } as const;

  it("are exchanged with some member at the period of the settings, first after half to one and a half of it", () => {
    for (const [random, first] of [
      [0, 15_000],
      [0.5, 30_000],
      [0.999, 44_970],
    ] as const) {
      const { sync, asked } = syncing(2, {}, random);
      expect(sync.nextDue).toBeNull();
      sync.time(99_999);
      expect(asked()).toEqual([]);
      sync.start(0);
      expect(sync.nextDue).toBe(3_000);
      sync.time(3_000);
      expect([sync.nextDue, asked()]).toEqual([first, []]);
      sync.time(first - 1);
      expect(asked()).toEqual([]);
      sync.time(first);
      expect([asked().length, sync.nextDue]).toEqual([1, first + 30_000]);
    }
  });

  it.each([
    [31, 1],
    [32, 2],
    [63, 2],
    [64, 3],
    [127, 3],
  ])("with %d others less often: every %d periods", (others, scale) => {
    const { sync } = syncing(others);
    sync.start(0);
    sync.time(30_000);
    expect(sync.nextDue).toBe(30_000 + 30_000 * scale);
  });

  it("are asked of those alone who live", () => {
    const { sync, table, asked } = syncing(2);
    table.suspect({ kind: "suspect", incarnation: 1, node: "n1", from: "n2" }, 1);
    sync.start(0);
    sync.time(30_000);
    expect(asked()).toEqual(["2:7946 table"]);
    table.dead({ kind: "dead", incarnation: 1, node: "n2", from: "n2" }, 1);
    sync.time(60_000);
    expect(asked()).toEqual([]);
  });

  it("are asked of speakers that are no members yet, or none any more", () => {
    const { sync, table, asked } = syncing(3);
    table.suspect({ kind: "suspect", incarnation: 1, node: "n1", from: "n2" }, 1);
    table.dead({ kind: "dead", incarnation: 1, node: "n2", from: "n3" }, 1);
    sync.join(
      [1, 2, 3, 4].map((n) => ip(4, BigInt(0x0a000000 + n))),
      7_000,
    );
    expect(asked()).toEqual(["2:7000 join", "4:7000 join"]);
    sync.join([ip(6, 0x0a000001n)], 7_000);
    expect(asked()).toEqual(["1:7000 join"]);
  });

  it("once answered say that elections may begin; so does it when nobody is there, or answers", () => {
    const first = syncing(0);
    first.sync.start(0);
    first.sync.join([ip(4, 0x0a000004n), ip(4, 0x0a000005n)], 7_000);
    first.sync.exchanged(1, answer, "", 10);
    first.sync.exchanged(2, answer, "", 11);
    first.sync.time(3_000);
    expect([first.joined(), first.sync.nextDue]).toEqual([1, 30_000]);

    const alone = syncing(0);
    alone.sync.start(0);
    alone.sync.join([], 7_000);
    alone.sync.join([], 7_000);
    expect(alone.joined()).toBe(1);

    const unanswered = syncing(0);
    unanswered.sync.start(0);
    unanswered.sync.join([ip(4, 0x0a000004n)], 7_000);
    unanswered.sync.exchanged(1, null, "refused", 10);
    expect([unanswered.joined(), unanswered.logged]).toEqual([0, ["a speaker did not answer: refused"]]);
    unanswered.sync.time(2_999);
    expect(unanswered.joined()).toBe(0);
    unanswered.sync.time(3_000);
    expect(unanswered.joined()).toBe(1);
  });

  it("of some member say nothing of elections, whether they come or not", () => {
    const { sync, joined, logged, table } = syncing(1, { pushPullInterval: 1_000 });
    sync.start(0);
    sync.time(1_000);
    const node = {
      name: "n9",
      address: Uint8Array.of(10, 0, 0, 9),
      port: 7_946,
      meta: new Uint8Array(),
      incarnation: 1,
      state: 0,
      versions: VERSIONS,
    } as const;
    sync.exchanged(1, { ...answer, nodes: [node] }, "", 1_100);
    expect([joined(), table.members.has("n9")]).toEqual([0, true]);
    sync.time(2_000);
    sync.exchanged(2, null, "no", 2_100);
    sync.exchanged(77, null, "never asked", 2_100);
    expect([joined(), logged]).toEqual([0, []]);
  });
});
