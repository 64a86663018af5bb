import { describe, expect, it } from "vitest";
import { address, arpClaim, arpProbeFrom, arpRequest, bench, eth0, OPTIONS, station } from "./testing.ts";

const OTHER = station("02:00:00:00:00:07");

describe("an address", () => {
  it("says since when it is as it is, and who else claims it", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    const { now } = b;
    expect(b.engine.reports()).toEqual([
      { address: address("192.0.2.1"), state: "probing", since: now, foreign: null },
    ]);
    b.advance(5_000);
    expect(b.engine.reports()).toMatchObject([{ state: "announced", since: now + 900 }]);
    b.receive(arpClaim("192.0.2.1"));
    b.receive(arpClaim("192.0.2.1", OTHER));
    expect(b.engine.reports()).toMatchObject([{ since: now + 900, foreign: { mac: OTHER, interface: "eth0" } }]);
    // Each news is told: who claims it is another now.
    expect(b.states()).toEqual(["probing", "announced", "announced", "announced"]);
  });

  it("that nobody holds, or that was never held, is left alone", () => {
    const b = bench("192.0.2.1");
    for (const event of [
      { kind: "withdraw", holder: "default/web", address: address("192.0.2.9"), release: "at-once" },
      { kind: "announce-again", address: address("192.0.2.9") },
    ] as const)
      expect(b.step(event)).toEqual([]);
    b.withdraw("192.0.2.1", "at-once", "somebody else");
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
  });

  it("alone is announced again when it alone is named", () => {
    const b = bench("192.0.2.1", "192.0.2.2");
    b.step({ kind: "announce-again", address: address("192.0.2.2") });
    b.advance(10_000);
    expect(b.sent()).toHaveLength(10);
    expect(new Set(b.sent().map(({ frame }) => (frame.protocol === "arp" ? frame.targetIp : 0)))).toEqual(
      new Set([Number(address("192.0.2.2").value)]),
    );
  });

  it("moves with its Services from interface to interface, and tells the neighbours there", () => {
    const b = bench();
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    b.announce("2001:db8::1", { interfaces: ["eth0"] });
    b.advance(10_000);
    b.log.length = 0;
    b.announce("2001:db8::1", { interfaces: ["eth1"] });
    b.advance(10_000);
    expect(b.groups()).toEqual(["2 +0 -1", "3 +1 -0"]);
    expect(b.sent().map(({ link }) => link)).toEqual([3, 3, 3, 3, 3]);
    b.log.length = 0;
    b.announce("2001:db8::1", { interfaces: ["eth1"] });
    b.advance(10_000);
    expect([b.groups(), b.sent()]).toEqual([[], []]);
    b.announce("2001:db8::1", { holder: "other", interfaces: null });
    expect(b.groups()).toEqual(["2 +1 -0"]);
    b.withdraw("2001:db8::1", "at-once", "other");
    expect(b.groups()).toEqual(["2 +1 -0", "2 +0 -1"]);
  });

  it("is not announced while it is probed, whoever else takes it or whatever interface comes", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.announce("192.0.2.1", { claim: "at-once", holder: "default/other" });
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    b.step({ kind: "announce-again", address: null });
    b.step({ kind: "options", options: { ...OPTIONS, repeatEvery: 60_000 } });
    b.announce("192.0.2.2", { claim: "probe-first", interfaces: ["eth0"] });
    b.announce("192.0.2.2", { interfaces: ["eth1"] });
    expect(b.sent().every(({ frame }) => frame.protocol === "arp" && frame.senderIp === 0)).toBe(true);
    expect(b.states()).toEqual(["probing", "probing"]);
  });

  it("that is announced is not probed for another Service, and not told of as new when it is announced again", () => {
    const b = bench("192.0.2.1");
    const [before] = b.engine.reports();
    b.announce("192.0.2.1", { claim: "probe-first", holder: "default/other" });
    b.step({ kind: "announce-again", address: null });
    b.advance(10_000);
    expect([b.states(), b.engine.reports()]).toEqual([[], [before]]);
    expect(b.sent()).toHaveLength(10);
  });

  it("is probed on its own interfaces alone, and IPv4 joins no group", () => {
    const b = bench();
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    b.announce("192.0.2.1", { claim: "probe-first", interfaces: ["eth1"] });
    b.advance(10_000);
    expect([new Set(b.sent().map(({ link }) => link)), b.groups()]).toEqual([new Set([3]), []]);
  });

  it("of IPv6 is asked for three times in its group, from nowhere", () => {
    const b = bench();
    b.announce("2001:db8::1", { claim: "probe-first" });
    b.advance(899);
    expect(b.sent()).toHaveLength(3);
    for (const { frame } of b.sent())
      expect(frame).toMatchObject({
        kind: "solicitation",
        source: 0n,
        destination: address("ff02::1:ff00:1").value,
        target: address("2001:db8::1").value,
        linkLayer: null,
      });
    b.advance(1);
    expect(b.states()).toEqual(["probing", "announced"]);
  });

  it("joins its group once, however many Services it has, and leaves it with the last", () => {
    const b = bench();
    for (const holder of ["a", "b"]) b.announce("2001:db8::1", { holder });
    b.step({ kind: "announce-again", address: null });
    for (const holder of ["a", "b"]) b.withdraw("2001:db8::1", "at-once", holder);
    expect(b.groups()).toEqual(["2 +1 -0", "2 +0 -1"]);
  });

  it("tells the neighbours again when one of its interfaces changes, and when it has fewer", () => {
    const b = bench();
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    b.step({ kind: "link-set", link: { ...eth0, index: 4, name: "eth2" } });
    b.announce("192.0.2.1", { interfaces: ["eth0", "eth1"] });
    b.advance(10_000);
    for (const interfaces of [["eth0", "eth2"], ["eth2"]]) {
      b.log.length = 0;
      b.announce("192.0.2.1", { interfaces });
      const links = b.sent().map(({ link }) => link);
      expect(new Set(links)).toEqual(new Set(interfaces.map((name) => (name === "eth0" ? 2 : 4))));
      b.advance(10_000);
    }
  });

  it("that is withdrawn is nowhere any more, of either family", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    b.receive(arpClaim("192.0.2.1"));
    b.log.length = 0;
    b.withdraw("192.0.2.1");
    b.withdraw("2001:db8::1");
    expect(b.engine.reports()).toEqual([]);
    const told = b.log.flatMap(({ effect }) => (effect.kind === "address" ? [effect.report] : []));
    expect(told.map(({ state, foreign }) => [state, foreign])).toEqual([
      ["withdrawn", null],
      ["withdrawn", null],
    ]);
    b.advance(120_000);
    expect(b.states()).toHaveLength(2);
  });
});

describe("neighbours", () => {
  it("are told at once when an interface gets its link-local address, and no more on one that is gone", () => {
    const b = bench("2001:db8::1");
    b.step({ kind: "link-set", link: { ...eth0, linkLocal: null } });
    b.advance(10_000);
    expect([b.sent(), b.groups()]).toEqual([[], ["2 +0 -1"]]);
    b.step({ kind: "link-set", link: eth0 });
    expect([b.sent().length, b.groups()]).toEqual([1, ["2 +0 -1", "2 +1 -0"]]);
    b.step({ kind: "link-removed", index: 2 });
    b.log.length = 0;
    b.advance(10_000);
    expect(b.sent()).toEqual([]);
  });

  it("are told of the latest that happened to an interface or an address, and of nothing older", () => {
    const b = bench("192.0.2.1");
    for (const name of ["eth1", "eth2"]) b.step({ kind: "link-set", link: { ...eth0, index: 3, name } });
    b.advance(10_000);
    // One frame pair for the first name, and a whole burst for the second.
    expect(b.sent()).toHaveLength(2 + 10);
    b.log.length = 0;
    for (let i = 0; i < 2; i++) b.step({ kind: "announce-again", address: null });
    b.advance(10_000);
    expect(b.sent()).toHaveLength(4 + 20);
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth2", usable: false } });
    b.withdraw("192.0.2.1", "when-taken-over");
    b.log.length = 0;
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth2" } });
    b.advance(1_000);
    expect(b.sent()).toEqual([]);
  });

  it("ask for IPv6 addresses in a group until the last of three is gone", () => {
    const b = bench();
    const three = ["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"];
    for (const text of three) b.announce(text);
    for (const text of three) b.withdraw(text);
    expect(b.groups()).toEqual(["2 +1 -0", "2 +0 -1"]);
    b.announce("2001:db8::1");
    expect(b.groups().at(-1)).toBe("2 +1 -0");
  });

  it("are told now and then only of what all links carry, from the end of the first burst on", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "options", options: { ...OPTIONS, repeatEvery: 60_000 } });
    const { now } = b;
    b.advance(4_400);
    expect(b.sent().map(({ at }) => at - now)).toEqual([0, 1_100, 2_200, 3_300, 4_400].flatMap((at) => [at, at]));
    b.log.length = 0;
    b.advance(120_000);
    expect(b.sent().map(({ at }) => at - now)).toEqual([64_400, 64_400, 124_400, 124_400]);
    // Another time alone starts nothing anew.
    b.log.length = 0;
    b.step({ kind: "options", options: { ...OPTIONS, repeatEvery: 30_000 } });
    expect(b.sent()).toEqual([]);
  });
});

describe("a handover", () => {
  it("does not end for a stranger's probe, and does for its claim", () => {
    const b = bench("192.0.2.1");
    b.withdraw("192.0.2.1", "when-taken-over");
    expect(b.receive(arpProbeFrom("192.0.2.1"))).toHaveLength(1);
    b.withdraw("192.0.2.1", "when-taken-over");
    b.advance(1_000);
    b.receive(arpClaim("192.0.2.1"));
    expect(b.states()).toEqual(["yielding", "withdrawn"]);
  });

  it("of what was never answered for is no handover", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.withdraw("192.0.2.1", "when-taken-over");
    expect(b.states()).toEqual(["probing", "withdrawn"]);
    b.advance(10_000);
    expect([b.engine.reports(), b.states().length]).toEqual([[], 2]);
  });
});

describe("the shell", () => {
  it("is woken when something is due, and told when nothing is", () => {
    const b = bench("192.0.2.1");
    expect(b.step({ kind: "time" })).toEqual([{ kind: "wake", at: null }]);
    const wakes = (effects: readonly { kind: string }[]) => effects.filter(({ kind }) => kind === "wake");
    const holder = { holder: "default/web", address: address("192.0.2.1") };
    expect(wakes(b.step({ kind: "withdraw", ...holder, release: "when-taken-over" }))).toEqual([
      { kind: "wake", at: b.now + 2_000 },
    ]);
    expect(wakes(b.step({ kind: "received", link: 2, frame: arpRequest("192.0.2.1") }))).toEqual([]);
  });
});
