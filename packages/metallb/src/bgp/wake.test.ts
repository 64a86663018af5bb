import { expect, it } from "vitest";
import { ip } from "#net";
import { createBgpEngine } from "./engine.ts";
import { DEFAULT_SETTINGS, type PeerSettings } from "./settings.ts";

const settings: PeerSettings = {
  ...DEFAULT_SETTINGS,
  name: "router",
  localAs: 64500,
  peerAs: 64512,
  endpoint: { kind: "address", address: ip(4, 1n), interface: null },
  families: ["ipv4-unicast"],
};

it("asks again to be woken when it was woken a moment early: timers of systems round down", () => {
  const engine = createBgpEngine({ random: () => 0.5 });
  const wakes = engine
    .step({ kind: "peer-set", settings, fallbackRouterId: ip(4, 2n) }, 0)
    .flatMap((effect) => (effect.kind === "wake" && effect.at !== null ? [effect.at] : []));
  const at = wakes.at(-1) ?? Number.NaN;
  expect(at).toBeGreaterThan(0);
  expect(engine.step({ kind: "time" }, at - 0.4)).toContainEqual({ kind: "wake", at });
});
