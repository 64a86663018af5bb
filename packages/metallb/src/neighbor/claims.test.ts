import { describe, expect, it } from "vitest";
import {
  ASKER,
  arpClaim,
  arpRequest,
  bench,
  eth0,
  OPTIONS,
  octets,
  STRANGER,
  solicitation,
  station,
} from "./testing.ts";

const OTHER = station("02:00:00:00:00:07");

const advertised = (target: string) =>
  solicitation(target, {
    kind: "advertisement",
    solicited: false,
    override: true,
    router: false,
    linkLayer: octets(STRANGER),
  });

describe("an interface", () => {
  it("that says the same again tells nobody, and one where nothing is announced wakes nobody", () => {
    const b = bench();
    b.announce("192.0.2.1", { interfaces: ["eth0"] });
    b.advance(10_000);
    b.log.length = 0;
    b.step({ kind: "link-set", link: eth0 });
    b.advance(10_000);
    expect(b.sent()).toEqual([]);
    expect(b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } })).toEqual([]);
  });

  it("that says the same again while neighbours are told goes on telling them", () => {
    const b = bench("192.0.2.1", "2001:db8::1");
    const eth1 = { ...eth0, index: 3, name: "eth1" };
    b.step({ kind: "link-set", link: eth1 });
    b.advance(2_000);
    b.step({ kind: "link-set", link: eth1 });
    b.advance(10_000);
    expect(b.sent()).toHaveLength(15);
  });

  it("that is gone, or has another MAC, leaves the MAC that it had to others", () => {
    for (const change of [
      { kind: "link-removed", index: 3 },
      { kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } },
    ] as const) {
      const b = bench("192.0.2.1");
      b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1", mac: OTHER } });
      b.receive(arpClaim("192.0.2.1", OTHER));
      expect(b.engine.reports()).toMatchObject([{ foreign: null }]);
      b.step(change);
      b.receive(arpClaim("192.0.2.1", OTHER));
      expect(b.engine.reports()).toMatchObject([{ foreign: { mac: OTHER } }]);
    }
  });

  it("that nobody knew may be gone", () => {
    const b = bench("192.0.2.1");
    expect(b.step({ kind: "link-removed", index: 9 })).toEqual([]);
    expect(b.receive(arpRequest("192.0.2.1"))).toHaveLength(1);
  });
});

describe("a conflict", () => {
  it("is not told again for the same stranger, and a claim without a station is none", () => {
    const b = bench();
    b.announce("2001:db8::1", { claim: "probe-first" });
    b.receive(advertised("2001:db8::1"));
    expect(b.engine.reports()).toMatchObject([{ state: "conflict", foreign: { mac: STRANGER } }]);
    b.log.length = 0;
    b.receive(advertised("2001:db8::1"));
    expect(b.states()).toEqual([]);
    const c = bench("192.0.2.1");
    c.receive(arpRequest("192.0.2.1", { senderIp: 0, senderMac: octets(ASKER) }));
    expect(c.engine.reports()).toMatchObject([{ state: "announced", foreign: null }]);
  });

  it("is not seen on a link where the address is not spoken for", () => {
    const b = bench();
    b.announce("192.0.2.1", { interfaces: ["eth1"] });
    b.receive(arpClaim("192.0.2.1"));
    expect(b.engine.reports()).toMatchObject([{ foreign: null }]);
  });

  it("is tried again every half a minute by probes, as many as at first", () => {
    const b = bench();
    b.announce("192.0.2.1", { claim: "probe-first" });
    b.receive(arpClaim("192.0.2.1"));
    b.log.length = 0;
    const { now } = b;
    b.advance(29_999);
    expect(b.sent()).toEqual([]);
    b.advance(900);
    expect(b.sent().map(({ at }) => at - now)).toEqual([30_000, 30_300, 30_600]);
    b.advance(1);
    expect(b.engine.reports()).toMatchObject([{ state: "announced" }]);
  });

  it("is answered on the link where it is heard, and a fellow's word is none", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1", mac: OTHER } });
    b.advance(10_000);
    b.step({ kind: "options", options: { ...OPTIONS, onConflict: "defend", fellows: [ASKER] } });
    b.log.length = 0;
    b.receive(arpClaim("192.0.2.1", ASKER));
    expect(b.sent()).toEqual([]);
    b.receive(arpClaim("192.0.2.1"), 3);
    expect(b.sent().map(({ link }) => link)).toEqual([3, 3]);
  });
});

describe("a foreign claim", () => {
  it("for what is announced stops nothing, and makes nobody probe", () => {
    const b = bench();
    b.announce("192.0.2.1");
    const { now } = b;
    b.receive(arpClaim("192.0.2.1"));
    b.advance(50_000);
    expect(b.sent().map(({ at }) => at - now)).toEqual([0, 1_100, 2_200, 3_300, 4_400].flatMap((at) => [at, at]));
    expect(b.engine.reports()).toMatchObject([{ state: "announced", foreign: { mac: STRANGER } }]);
  });

  it("is news again on another interface, and its end is told", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "link-set", link: { ...eth0, index: 3, name: "eth1" } });
    const told = () =>
      b.log.flatMap(({ effect }) => (effect.kind === "address" ? [effect.report.foreign?.interface ?? null] : []));
    for (const link of [2, 2, 3, 3]) b.receive(arpClaim("192.0.2.1"), link);
    expect(told()).toEqual(["eth0", "eth1"]);
    b.advance(60_000);
    expect(told()).toEqual(["eth0", "eth1", null]);
    b.receive(arpClaim("192.0.2.1"));
    expect(told()).toEqual(["eth0", "eth1", null, "eth0"]);
  });

  it("is answered when ten seconds are over, and never while the address is still probed", () => {
    const b = bench("192.0.2.1");
    b.step({ kind: "options", options: { ...OPTIONS, onConflict: "defend" } });
    for (const wait of [0, 9_999, 1]) {
      b.advance(wait);
      b.receive(arpClaim("192.0.2.1"));
    }
    expect(b.sent().map(({ at }) => at - b.now)).toEqual([-10_000, -10_000, 0, 0]);
    b.log.length = 0;
    b.announce("192.0.2.2", { claim: "probe-first" });
    b.receive(arpClaim("192.0.2.2"));
    expect(b.sent()).toMatchObject([{ frame: { senderIp: 0 } }]);
  });
});
