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
  address: address("192.0.2.2"),
  port: 1179,
  sourceAddress: address("192.0.2.11"),
  interface: "eth0",
  password: "secret",
  ebgpMultiHop: true,
  table: "other",
};

describe("a change of settings", () => {
  for (const name of Object.keys(SETTING_COST) as (keyof typeof SETTING_COST)[]) {
    const stays = SETTING_COST[name] === "in-place";
    it(`${name}: the session ${stays ? "stays" : "begins anew"}`, () => {
      const bench = new Bench();
      bench.establish();
      expect(settingsChange(peerSettings(), peerSettings({ [name]: OTHER[name] }))).toBe(stays ? "in-place" : "reset");
      const effects = bench.set({ [name]: OTHER[name] });
      expect(inShort(effects)).toEqual(stays ? [] : ["notification 6/6", "close"]);
      bench.advance(100);
      expect(bench.report.state).toBe(stays ? "Established" : "Connect");
    });
  }

  it("that changes nothing does nothing", () => {
    const bench = new Bench();
    const settings = { routerId: address("10.0.0.1"), sourceAddress: address("192.0.2.10"), password: "secret" };
    bench.establish(settings);
    expect(
      bench.set({ ...settings, routerId: address("10.0.0.1"), families: ["ipv4-unicast", "ipv6-unicast"] }),
    ).toEqual([]);
  });
});
