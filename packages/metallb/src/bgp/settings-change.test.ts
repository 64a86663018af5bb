import { describe, expect, it } from "vitest";
import type { PeerSettings } from "./settings.ts";
import { SETTING_COST, settingsChange } from "./settings-change.ts";
import { address, Bench, inShort, peerSettings } from "./testing.ts";

/** Another value for each setting. */
const OTHER: { readonly [Name in keyof typeof SETTING_COST]: PeerSettings[Name] } = {
  localAs: 65000,
  peerAs: "external",
  holdTime: 30,
  keepaliveTime: 7,
  connectTime: 7,
  routerId: address("10.0.0.1"),
  gracefulRestart: true,
  families: ["ipv4-unicast"],
  endpoint: { kind: "address", address: address("192.0.2.2"), interface: null },
  port: 1179,
  sourceAddress: address("192.0.2.11"),
  vrf: "red",
  password: "secret",
  ebgpMultiHop: true,
  passive: true,
  bfd: { receiveInterval: 50, transmitInterval: 50, detectMultiplier: 3, minimumTtl: 254, passive: false },
  restartTime: 60,
  table: "other",
};

describe("a change of settings", () => {
  for (const name of Object.keys(SETTING_COST) as (keyof typeof SETTING_COST)[]) {
    const cost = SETTING_COST[name];
    // Without graceful restart its time is not said, and any other AS takes in the one that the peer has.
    const stays = cost === "in-place" || name === "restartTime" || name === "peerAs";
    it(`${name}: the session ${stays ? "stays" : "begins anew"}`, () => {
      const bench = new Bench();
      bench.establish();
      expect(settingsChange(peerSettings(), peerSettings({ [name]: OTHER[name] }))).toBe(cost);
      const effects = bench.set({ [name]: OTHER[name] });
      expect(inShort(effects)).toEqual(stays ? [] : ["notification 6/6", "close"]);
      bench.advance(100);
      expect(bench.report.state).toBe(stays ? "Established" : "Connect");
    });
  }

  const SAME: readonly [string, Partial<PeerSettings>, Partial<PeerSettings>][] = [
    ["the default hold time written down", {}, { holdTime: 90 }],
    ["the identifier that it has written down", {}, { routerId: address("192.0.2.10") }],
    ["the default restart time written down", { gracefulRestart: true }, { gracefulRestart: true, restartTime: 120 }],
    ["the AS that the peer has", { peerAs: "external" }, { peerAs: 64512 }],
    [
      "that an internal peer may be several hops away",
      { peerAs: 64512, localAs: 64512 },
      { peerAs: 64512, localAs: 64512, ebgpMultiHop: true },
    ],
    ["the families in another order", {}, { families: ["ipv6-unicast", "ipv4-unicast"] }],
  ];
  for (const [name, before, after] of SAME)
    it(`of which the peer would not see anything leaves the session: ${name}`, () => {
      const bench = new Bench();
      bench.establish(before);
      expect(inShort(bench.set(after))).toEqual([]);
      expect(bench.report.state).toBe("Established");
    });

  it("of one parameter of BFD is a change, and the same parameters written again are none", () => {
    const { bfd } = OTHER;
    if (!bfd) throw new Error("no BFD");
    const change = (other: Partial<typeof bfd>) =>
      settingsChange(peerSettings({ bfd }), peerSettings({ bfd: { ...bfd, ...other } }));
    expect(change({})).toBe("none");
    for (const other of [
      { receiveInterval: 60 },
      { transmitInterval: 60 },
      { detectMultiplier: 4 },
      { minimumTtl: 255 },
      { passive: true },
    ])
      expect(change(other)).toBe("in-place");
    expect(settingsChange(peerSettings({ bfd }), peerSettings())).toBe("in-place");
  });

  it("costs what the dearest of several costs, in whatever order they stand", () => {
    const change = (other: Partial<PeerSettings>) => settingsChange(peerSettings(), peerSettings(other));
    expect(change({ holdTime: 30, keepaliveTime: 7 })).toBe("open");
    expect(change({ keepaliveTime: 7, families: ["ipv4-unicast"] })).toBe("open");
    expect(change({ keepaliveTime: 7, password: "x" })).toBe("connection");
    expect(change({ ebgpMultiHop: true })).toBe("connection");
    // An internal peer may be several hops away in any case.
    const internal = peerSettings({ localAs: 64512 });
    expect(settingsChange(internal, { ...internal, ebgpMultiHop: true })).toBe("in-place");
    expect(settingsChange(internal, { ...internal, ebgpMultiHop: true, holdTime: 30 })).toBe("open");
  });

  it("of an address is one where its value or its interface is another", () => {
    const on = (text: string, name: string | null): PeerSettings["endpoint"] => ({
      kind: "address",
      address: address(text),
      interface: name,
    });
    const change = (endpoint: PeerSettings["endpoint"]) =>
      settingsChange(peerSettings({ endpoint: on("fe80::1", "eth0") }), peerSettings({ endpoint }));
    expect(change(on("fe80::1", "eth0"))).toBe("none");
    expect(change(on("fe80::2", "eth0"))).toBe("connection");
    expect(change(on("fe80::1", "eth1"))).toBe("connection");
    expect(change(on("fe80::1", null))).toBe("connection");
    expect(change({ kind: "interface", interface: "eth0" })).toBe("connection");
    const by = (routerId: PeerSettings["routerId"]) =>
      settingsChange(peerSettings({ routerId: address("10.0.0.1") }), peerSettings({ routerId }));
    expect(by(address("10.0.0.1"))).toBe("none");
    expect(by(address("10.0.0.2"))).toBe("open");
    expect(by(null)).toBe("open");
  });

  it("that no longer takes the AS that the peer has ends the session", () => {
    const bench = new Bench();
    bench.establish({ peerAs: "external" });
    expect(inShort(bench.set({ peerAs: 64999 }))).toEqual(["notification 6/6", "close"]);
  });

  it("that moves the peer to another interface ends the session", () => {
    const on = (name: string): PeerSettings["endpoint"] => ({ kind: "interface", interface: name });
    expect(settingsChange(peerSettings({ endpoint: on("eth0") }), peerSettings({ endpoint: on("eth0") }))).toBe("none");
    expect(settingsChange(peerSettings({ endpoint: on("eth0") }), peerSettings({ endpoint: on("eth1") }))).toBe(
      "connection",
    );
  });

  it("is tried at once where no session stands", () => {
    const bench = new Bench();
    bench.set();
    bench.step({ kind: "connect-failed", connection: bench.connection, reason: "" });
    bench.advance(1_000);
    bench.step({ kind: "connect-failed", connection: bench.connection, reason: "" });
    bench.set({ holdTime: 30 });
    expect(inShort(bench.advance(100))).toEqual(["connect"]);
  });

  it("that changes nothing does nothing", () => {
    const bench = new Bench();
    const settings = { routerId: address("10.0.0.1"), sourceAddress: address("192.0.2.10"), password: "secret" };
    bench.establish(settings);
    expect(
      bench.set({ ...settings, routerId: address("10.0.0.1"), families: ["ipv4-unicast", "ipv6-unicast"] }),
    ).toEqual([]);
  });
});
