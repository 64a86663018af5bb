import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { encodeMeta } from "../meta.ts";
import type { WatchMessage } from "../wire/heartbeat.ts";
import type { Member } from "./member.ts";
import { Watch } from "./watch.ts";

const member = (name: string, more: Partial<Member> = {}): Member => ({
  name,
  isSelf: false,
  address: ip(4, 1n),
  port: 7946,
  meta: encodeMeta(null),
  versions: new Uint8Array(6),
  incarnation: 1,
  state: "alive",
  since: 0,
  suspicion: null,
  silent: false,
  quiet: 0,
  ...more,
});

function bench(...members: readonly Member[]) {
  const sent: string[] = [];
  const told: string[] = [];
  const all = new Map(members.map((each) => [each.name, each]));
  const watch = new Watch({
    some: (count, fits) => [...all.values()].filter((each) => !each.isSelf && fits(each)).slice(0, count),
    send: (to, message) => sent.push(`${to.name} ${message.kind}`),
    members: () => all,
    silent: (about, quiet, now) => {
      about.silent = quiet !== null;
      told.push(`${about.name} ${quiet === null ? "back" : "silent"} ${now}`);
    },
    welcomed: () => told.push("welcomed"),
  });
  let sequence = 0;
  return {
    watch,
    all,
    sent: () => sent.splice(0),
    told: () => told.splice(0),
    beat: (from: Member, now: number, number = ++sequence) =>
      watch.received({ kind: "beat", sequence: number }, from, now),
    hear: (message: WatchMessage, from: Member, now: number) => watch.received(message, from, now),
    /** Until then, woken when it asks to be. */
    run: (until: number) => {
      for (let due = watch.nextDue; due !== null && due <= until; due = watch.nextDue) watch.time(due);
    },
  };
}

describe("who is watched", () => {
  it("is asked for beats at once and every half a second, and is not missed before it was heard", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.run(1_600);
    expect([b.sent(), b.told()]).toEqual([Array(4).fill("a subscribe"), []]);
  });

  it("is asked when it is due, however the instants round", () => {
    for (let i = 0; i < 500; i += 1) {
      const a = member("a");
      const b = bench(a);
      b.watch.set([a], 0);
      b.watch.time(0);
      const heard = 10 + i * 0.37;
      b.beat(a, heard);
      b.sent();
      b.watch.time(heard + 160);
      expect(b.sent(), `heard at ${heard}`).toContain("a ask");
    }
  });

  it("is doubted after 160 ms, asked with three others, and silent after 300 ms", () => {
    const [a, ...others] = ["a", "w", "x", "y", "z"].map((name) => member(name));
    const b = bench(a as Member, ...others);
    b.watch.set([a as Member], 0);
    b.run(0);
    b.beat(a as Member, 10);
    b.sent();
    b.run(169);
    expect(b.sent()).toEqual([]);
    b.run(170);
    expect(b.sent()).toEqual(["a ask", "w ask", "x ask", "y ask"]);
    b.run(195);
    expect(b.sent()).toHaveLength(4);
    b.run(309);
    expect(b.told()).toEqual([]);
    b.run(325);
    expect(b.told()).toEqual(["a silent 320"]);
  });

  it("is asked about only those who are ours, live and are not silent themselves", () => {
    const a = member("a");
    const b = bench(
      a,
      member("upstream", { meta: new Uint8Array() }),
      member("dead", { state: "dead" }),
      member("suspect", { state: "suspect" }),
      member("silent", { silent: true }),
      member("good"),
    );
    b.watch.set([a], 0);
    b.run(0);
    b.beat(a, 0);
    b.sent();
    b.run(160);
    expect(b.sent()).toEqual(["a ask", "good ask"]);
  });

  it("is alive by another's word, as long ago as that one says", () => {
    const a = member("a");
    const b = bench(a, member("w"));
    b.watch.set([a], 0);
    // Another's word alone starts no watch.
    b.hear({ kind: "heard", node: "a", ago: 0 }, member("w"), 5);
    b.run(400);
    expect(b.told()).toEqual([]);
    b.beat(a, 400);
    b.run(600);
    b.hear({ kind: "heard", node: "a", ago: 100 }, member("w"), 650);
    b.run(849);
    expect(b.told()).toEqual([]);
    b.run(900);
    expect(b.told()).toHaveLength(1);
  });

  it("is not alive by a beat that was sent before what is known, unless it began anew", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.beat(a, 0, 5_000);
    b.beat(a, 150, 4_999);
    b.run(320);
    expect(b.told()).toHaveLength(1);
    const c = member("c");
    const d = bench(c);
    d.watch.set([c], 0);
    d.beat(c, 0, 5_000);
    d.beat(c, 150, 1);
    d.run(320);
    expect(d.told()).toEqual([]);
  });

  it("counts again after a second of beats, two after a second loss, and is told so", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.beat(a, 0);
    let now = 0;
    const beats = (until: number): void => {
      for (; now < until; now += 50) {
        b.run(now);
        b.beat(a, now);
      }
      b.run(until);
    };
    b.run(400);
    now = 450;
    expect(b.told()).toHaveLength(1);
    b.sent();
    beats(1_400);
    expect(b.told()).toEqual([]);
    beats(1_500);
    expect(b.told()).toEqual(["a back 1450"]);
    expect(b.sent()).toContain("a welcome");
    b.run(2_000);
    expect(b.told()).toHaveLength(1);
    now = 2_000;
    beats(3_950);
    expect(b.told()).toEqual([]);
    beats(4_050);
    expect(b.told()).toEqual(["a back 4000"]);
  });

  it("is alive by the first beat that it ever sends", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.beat(a, 0, 0);
    b.run(400);
    expect(b.told()).toEqual(["a silent 310"]);
  });

  it("is looked at when its own time comes, beside others that have longer", () => {
    const [gone, late, soon] = [member("gone", { state: "dead" }), member("late"), member("soon")];
    const b = bench(gone, late, soon);
    b.watch.set([gone, late, soon], 0);
    expect(b.watch.nextDue).toBe(0);
    b.run(0);
    b.beat(soon, 10);
    expect(b.watch.nextDue).toBe(170);
    b.beat(late, 100);
    expect(b.watch.nextDue).toBe(170);
    b.run(200);
    expect(b.sent()).toContain("soon ask");
    expect(b.sent()).not.toContain("late ask");
  });

  it("is asked for beats while it is silent, and looked at when it has been heard for long enough", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.run(0);
    b.beat(a, 0);
    b.run(320);
    expect([b.told(), b.watch.nextDue]).toEqual([["a silent 310"], 500]);
    b.run(499);
    b.beat(a, 499);
    expect(b.watch.nextDue).toBe(500);
    for (let now = 550; now < 1_400; now += 50) {
      b.run(now);
      b.beat(a, now);
    }
    expect(b.watch.nextDue).toBe(1_499);
    // Asked for beats twice meanwhile.
    expect(b.sent().filter((each) => each === "a subscribe")).toHaveLength(3);
  });

  it("is not brought back by a beat now and then", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.run(0);
    b.beat(a, 0);
    b.run(320);
    expect(b.told()).toHaveLength(1);
    for (let now = 500; now < 6_000; now += 400) {
      b.run(now);
      b.beat(a, now);
    }
    expect(b.told()).toEqual([]);
  });

  it("that was lost, was gone and returned is heard anew, and is not trusted sooner for that", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.beat(a, 0);
    b.run(400);
    expect(b.told()).toHaveLength(1);
    a.state = "dead";
    a.silent = false;
    b.watch.set([a], 1_000);
    a.state = "alive";
    b.watch.set([a], 5_000);
    b.sent();
    b.watch.time(5_000);
    b.run(5_400);
    // Nothing was heard since, and it is not missed for that.
    expect([b.told(), b.sent()]).toEqual([[], ["a subscribe"]]);
    b.beat(a, 5_400, 0);
    b.run(5_800);
    expect(b.told()).toEqual(["a silent 5710"]);
    for (let now = 5_800; now < 8_000; now += 50) {
      b.run(now);
      b.beat(a, now);
    }
    // The second loss within a minute: two seconds.
    expect(b.told()).toEqual(["a back 7800"]);
  });

  it("no more, is not silent any more", () => {
    const [a, other] = [member("a"), member("other")];
    const b = bench(a, other);
    b.watch.set([a, other], 0);
    b.beat(a, 0);
    b.run(400);
    b.told();
    b.watch.set([other], 500);
    expect(b.told()).toEqual(["a back 500"]);
    b.watch.set([], 600);
    expect([b.told(), b.watch.nextDue]).toEqual([[], null]);
  });

  it("is nobody who is dead or not ours", () => {
    const [dead, upstream] = [member("dead", { state: "dead" }), member("upstream", { meta: new Uint8Array() })];
    const b = bench(dead, upstream);
    b.watch.set([dead, upstream], 0);
    expect(b.watch.nextDue).toBeNull();
    b.watch.time(1_000);
    expect(b.sent()).toEqual([]);
  });

  it("gets the time to answer when it was we who slept", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.set([a], 0);
    b.watch.time(0);
    b.beat(a, 0);
    b.watch.time(50);
    b.watch.time(5_000);
    expect(b.told()).toEqual([]);
    expect(b.sent()).toContain("a ask");
    b.run(5_139);
    expect(b.told()).toEqual([]);
    b.run(5_200);
    expect(b.told()).toHaveLength(1);
  });
});

describe("who watches us", () => {
  it("gets a beat at once and every 50 ms, for two seconds after it asked", () => {
    const a = member("a");
    const b = bench(a);
    expect(b.watch.nextDue).toBeNull();
    b.hear({ kind: "subscribe" }, a, 0);
    expect(b.sent()).toEqual(["a beat"]);
    b.run(200);
    expect(b.sent()).toEqual(Array(5).fill("a beat"));
    b.hear({ kind: "subscribe" }, a, 1_000);
    b.run(2_900);
    b.sent();
    b.run(9_000);
    expect(b.sent()).toEqual(["a beat"]);
    expect(b.watch.nextDue).toBeNull();
  });

  it("gets no beat for nobody, and after a delay one at a time", () => {
    const a = member("a");
    const b = bench(a);
    b.watch.time(500);
    b.hear({ kind: "subscribe" }, a, 1_000);
    b.sent();
    b.watch.time(1_000);
    b.watch.time(1_120);
    expect([b.sent(), b.watch.nextDue]).toEqual([["a beat", "a beat"], 1_170]);
    b.watch.time(1_175);
    expect([b.sent(), b.watch.nextDue]).toEqual([["a beat"], 1_220]);
  });

  it("is at most 256, and not one that is gone", () => {
    const many = Array.from({ length: 300 }, (_, i) => member(`n${i}`));
    const b = bench(...many);
    for (const each of many) b.hear({ kind: "subscribe" }, each, 0);
    expect(b.sent()).toHaveLength(256);
    for (const each of many.slice(0, 200)) each.state = "left";
    b.run(0);
    expect(b.sent()).toHaveLength(56);
  });

  it("and asks is answered by a beat, and of others by what was heard lately", () => {
    const [us, a, asker] = [member("us", { isSelf: true }), member("a"), member("asker")];
    const b = bench(us, a, asker);
    b.hear({ kind: "ask", node: "us" }, asker, 0);
    b.hear({ kind: "ask", node: "a" }, asker, 0);
    b.hear({ kind: "ask", node: "nobody" }, asker, 0);
    expect(b.sent()).toEqual(["asker beat"]);
    b.watch.set([a], 0);
    b.beat(a, 100);
    b.hear({ kind: "ask", node: "a" }, asker, 259);
    b.hear({ kind: "ask", node: "a" }, asker, 260);
    expect(b.sent()).toEqual(["asker heard"]);
  });

  it("and took us for silent may say that it does so no more", () => {
    const b = bench();
    b.hear({ kind: "welcome" }, member("a"), 0);
    expect(b.told()).toEqual(["welcomed"]);
  });
});
