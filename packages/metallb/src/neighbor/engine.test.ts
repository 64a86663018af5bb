import { describe, expect, it } from "vitest";
import {
  ASKER,
  address,
  arpClaim,
  arpProbeFrom,
  arpRequest,
  bench,
  eth0,
  OPTIONS,
  OUR_MAC,
  octets,
  STRANGER,
  solicitation,
  station,
} from "./testing.ts";

describe("answers", () => {
  it("broadcast and unicast requests for what is announced, to the one who asked", () => {
    const b = bench("192.0.2.1");
    for (const ethernetDestination of [octets(station("ff:ff:ff:ff:ff:ff")), octets(OUR_MAC)]) {
      const [reply, ...more] = b.receive(arpRequest("192.0.2.1", { ethernetDestination }));
      expect(more).toEqual([]);
      expect(reply).toMatchObject({ operation: 2, ethernetDestination: octets(ASKER), senderMac: octets(OUR_MAC) });
    }
    expect(b.engine.counters("all")).toMatchObject([{ requestsReceived: 2, responsesSent: 2, gratuitousSent: 10 }]);
  });

  it("a probe, with 0.0.0.0 as the target address", () => {
    const [reply] = bench("192.0.2.1").receive(arpProbeFrom("192.0.2.1", ASKER));
    expect(reply).toMatchObject({ operation: 2, targetIp: 0, ethernetDestination: octets(ASKER) });
  });

  it("nothing else", () => {
    const b = bench("192.0.2.1");
    const other = octets(station("02:00:00:00:00:55"));
    expect(b.receive(arpRequest("192.0.2.2"))).toEqual([]);
    expect(b.receive(arpRequest("192.0.2.1", { operation: 2 }))).toEqual([]);
    expect(b.receive(arpRequest("192.0.2.1", { ethernetDestination: other }))).toEqual([]);
    expect(b.receive(arpRequest("192.0.2.1"), 9)).toEqual([]);
    expect(b.receive(solicitation("2001:db8::1"))).toEqual([]);
  });

  it("solicitations: multicast, unicast without option, and a host's own probe", () => {
    const b = bench("2001:db8::1");
    expect(b.receive(solicitation("2001:db8::1"))).toMatchObject([{ solicited: true, override: false }]);
    const unicast = {
      linkLayer: null,
      ethernetDestination: octets(OUR_MAC),
      destination: address("2001:db8::1").value,
    };
    expect(b.receive(solicitation("2001:db8::1", unicast))).toMatchObject([
      { solicited: true, ethernetDestination: octets(ASKER), destination: address("fe80::99").value },
    ]);
    expect(b.receive(solicitation("2001:db8::1", { source: 0n, linkLayer: null }))).toMatchObject([
      { solicited: false, override: true, destination: address("ff02::1").value },
    ]);
  });

  it("only where the address is announced, by the interface's name of the moment", () => {
    const b = bench();
    b.announce("192.0.2.1", { interfaces: ["lan0"] });
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
    b.step({ kind: "link-set", link: { ...eth0, name: "lan0" } });
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.step({ kind: "link-set", link: { ...eth0, name: "lan0", usable: false } });
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
  });

  it("until the last Service of the address is gone, on the union of their interfaces", () => {
    const b = bench();
    b.announce("192.0.2.1", { holder: "a", interfaces: ["eth1"] });
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
    b.announce("192.0.2.1", { holder: "b", interfaces: ["eth0"] });
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.withdraw("192.0.2.1", "at-once", "a");
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.withdraw("192.0.2.1", "at-once", "b");
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
  });

  it("one station no faster than its rate, and the others as before", () => {
    const b = bench("192.0.2.1");
    let answered = 0;
    for (let i = 0; i < 100_000; i += 1) answered += b.engine.step(received("192.0.2.1"), b.now).length;
    expect(answered).toBe(30_000);
    expect(b.engine.drops().overRate).toBe(70_000);
    const other = octets(station("02:00:00:00:00:07"));
    expect(b.receive(arpRequest("192.0.2.1", { senderMac: other }))).toHaveLength(1);
    b.now += 1;
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
  });
});

const received = (target: string) => ({ kind: "received", link: 2, frame: arpRequest(target) }) as const;

describe("announcements", () => {
  it("leave at 0, 1.1, 2.2, 3.3 and 4.4 s, a request and a reply each time", () => {
    const b = bench();
    b.announce("192.0.2.1");
    b.advance(60_000);
    const start = b.sent()[0]?.at ?? 0;
    const rounds = b.sent().map(({ at, frame }) => `${at - start} ${frame.protocol === "arp" ? frame.operation : ""}`);
    expect(rounds).toEqual([0, 1_100, 2_200, 3_300, 4_400].flatMap((at) => [`${at} 1`, `${at} 2`]));
  });

  it("do not leave at once again when another Service takes the same address", () => {
    const b = bench("192.0.2.1");
    b.announce("192.0.2.1", { holder: "default/other" });
    b.advance(10_000);
    expect(b.sent()).toEqual([]);
  });

  it("leave again on the link alone that came up, was renamed or has another MAC", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    const eth1 = { ...eth0, index: 3, name: "eth1" };
    b.step({ kind: "link-set", link: eth1 });
    b.advance(10_000);
    expect(b.sent().map(({ link }) => link)).toEqual(Array.from({ length: 15 }, () => 3));
    b.log.length = 0;
    b.step({ kind: "link-set", link: eth1 });
    b.step({ kind: "link-set", link: { ...eth1, usable: false } });
    b.advance(10_000);
    expect(b.sent()).toEqual([]);
    b.step({ kind: "link-set", link: { ...eth1, mac: station("02:00:00:00:00:77") } });
    b.advance(10_000);
    expect(b.sent()).toHaveLength(15);
    expect(b.sent()[0]).toMatchObject({ link: 3, frame: { senderMac: octets(station("02:00:00:00:00:77")) } });
  });

  it("leave again when asked, and now and then when the operator wants it", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "announce-again", address: null });
    b.advance(10_000);
    expect(b.sent()).toHaveLength(10);
    b.step({ kind: "options", options: { ...OPTIONS, repeatEvery: 60_000 } });
    b.advance(10_000);
    b.log.length = 0;
    b.advance(600_000);
    expect(b.sent()).toHaveLength(20);
    b.step({ kind: "options", options: OPTIONS });
    b.advance(120_000);
    b.log.length = 0;
    b.advance(600_000);
    expect(b.sent()).toEqual([]);
  });

  it("end when the address is withdrawn", () => {
    const b = bench();
    b.announce("192.0.2.1");
    b.withdraw("192.0.2.1");
    b.log.length = 0;
    b.advance(10_000);
    expect(b.sent()).toEqual([]);
  });

  it("of ten thousand addresses let answers pass between them", () => {
    const b = bench();
    for (let i = 0; i < 10_000; i += 1)
      b.announce(`10.0.${i >> 8}.${i & 255}`, { holder: `s${i}`, interfaces: ["eth1"] });
    const effects = b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    expect(effects.filter(({ kind }) => kind === "send").length).toBeLessThan(300);
    b.advance(1_000);
    expect(b.sent()).toHaveLength(20_000);
  });
});

describe("groups", () => {
  it("are joined once for addresses that share one, on late interfaces too, and left with the last", () => {
    const b = bench();
    b.announce("2001:db8::1", { holder: "a" });
    b.announce("2001:db8:0:1::1", { holder: "b" });
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    expect(b.groups()).toEqual(["2 +1 -0", "3 +1 -0"]);
    b.withdraw("2001:db8::1", "at-once", "a");
    expect(b.groups()).toHaveLength(2);
    b.withdraw("2001:db8:0:1::1", "at-once", "b");
    expect(b.groups().slice(2)).toEqual(["2 +0 -1", "3 +0 -1"]);
  });
});

describe("a first use", () => {
  it("is probed, and answered for when nobody has it", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
    b.advance(899);
    expect(b.sent().map(({ frame }) => frame.protocol === "arp" && frame.senderIp)).toEqual([0, 0, 0]);
    b.advance(1);
    expect(b.states()).toEqual(["probing", "announced"]);
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
  });

  it("of an address that a stranger has is a conflict, until the stranger is gone", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.receive(arpClaim("192.0.2.1"));
    expect(b.engine.reports()).toMatchObject([{ state: "conflict", foreign: { mac: STRANGER, interface: "eth0" } }]);
    b.advance(30_100);
    b.receive(arpClaim("192.0.2.1"));
    b.advance(29_000);
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
    expect(b.states()).toEqual(["probing", "conflict", "conflict"]);
    b.advance(3_000);
    expect(b.states().at(-1)).toBe("announced");
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
  });

  it("meets another that probes for the same address (RFC 5227 section 2.1.1)", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.receive(arpProbeFrom("192.0.2.1"));
    b.announce("2001:db8::1", { claim: "probe-first", holder: "six" });
    const from = octets(STRANGER);
    b.receive(solicitation("2001:db8::1", { source: 0n, linkLayer: null, ethernetSource: from }));
    expect(b.engine.reports().map(({ state }) => state)).toEqual(["conflict", "conflict"]);
  });

  it("is taken all the same when the operator says so", () => {
    const b = bench();
    b.step({ kind: "options", options: { ...OPTIONS, onConflict: "defend" } });
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.receive(arpClaim("192.0.2.1"));
    b.advance(900);
    expect(b.engine.reports()).toMatchObject([{ state: "announced", foreign: { mac: STRANGER } }]);
  });
});

describe("a foreign claim", () => {
  it("is told once, not fought, and forgotten after a minute of silence", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    for (let i = 0; i < 5; i += 1) b.receive(arpClaim("192.0.2.1"));
    b.receive(
      solicitation("2001:db8::1", {
        kind: "advertisement",
        solicited: false,
        override: true,
        router: false,
        linkLayer: octets(STRANGER),
      }),
    );
    expect(b.states()).toEqual(["announced", "announced"]);
    expect(b.sent()).toEqual([]);
    b.advance(50_000);
    b.receive(arpClaim("192.0.2.1"));
    b.advance(59_000);
    expect(b.engine.reports().map(({ foreign }) => foreign === null)).toEqual([false, true]);
    b.advance(1_000);
    expect(b.engine.reports().map(({ foreign }) => foreign)).toEqual([null, null]);
  });

  it("is answered with our own at most every ten seconds when the operator says so", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "options", options: { ...OPTIONS, onConflict: "defend" } });
    for (let i = 0; i < 20; i += 1) {
      b.receive(arpClaim("192.0.2.1"));
      b.advance(1_000);
    }
    expect(b.sent()).toHaveLength(4);
  });

  it("is none by a fellow speaker, nor by another interface of this host on the same LAN", () => {
    const b = bench("192.0.2.1");
    const other = station("02:00:00:00:00:02");
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1", mac: other } });
    b.step({ kind: "options", options: { ...OPTIONS, fellows: [STRANGER] } });
    b.log.length = 0;
    b.receive(arpClaim("192.0.2.1"));
    b.receive(arpClaim("192.0.2.1", other));
    expect(b.states()).toEqual([]);
  });
});

describe("a handover", () => {
  it("answers until the successor speaks", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "options", options: { ...OPTIONS, fellows: [STRANGER] } });
    b.withdraw("192.0.2.1", "when-taken-over");
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.receive(arpClaim("192.0.2.1"));
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
    expect(b.states()).toEqual(["yielding", "withdrawn"]);
  });

  it("falls silent at once when the next owner has spoken just before", () => {
    const b = bench("192.0.2.1", "192.0.2.2");
    b.step({ kind: "options", options: { ...OPTIONS, fellows: [STRANGER] } });
    b.receive(arpClaim("192.0.2.1"));
    b.receive(arpClaim("192.0.2.2"));
    b.advance(900);
    b.withdraw("192.0.2.1", "when-taken-over");
    b.advance(100);
    b.withdraw("192.0.2.2", "when-taken-over");
    expect(b.states()).toEqual(["withdrawn", "yielding"]);
  });

  it("ends after two seconds when nobody does", () => {
    const b = bench("192.0.2.1");
    b.withdraw("192.0.2.1", "when-taken-over");
    b.advance(1_999);
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.advance(1);
    expect(b.receive(arpRequest("192.0.2.1"))).toEqual([]);
  });

  it("of all addresses, at the end of the process, needs no owner to say so for each", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    b.step({ kind: "shutdown" });
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
    b.receive(arpClaim("192.0.2.1"));
    b.advance(2_000);
    expect(b.states()).toEqual(["yielding", "yielding", "withdrawn", "withdrawn"]);
  });

  it("that is called back announces again", () => {
    const b = bench("192.0.2.1");
    b.withdraw("192.0.2.1", "when-taken-over");
    b.announce("192.0.2.1");
    b.advance(10_000);
    expect(b.sent()).toHaveLength(10);
    expect(b.states()).toEqual(["yielding", "announced"]);
  });
});
