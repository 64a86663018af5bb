import { createSocket } from "node:dgram";
import { expect, it } from "vitest";
import { LAN } from "#gossip";
import { ip } from "#net";
import type { EngineTypes, Seat } from "./engine-registry.ts";
import { gossipEntry } from "./gossip-entry.ts";

type Gossip = EngineTypes["gossip"];

it("waits for a port that another process still holds, and joins once it is free", async () => {
  const holder = createSocket("udp4");
  await new Promise<void>((resolve) => holder.bind(0, "127.0.0.1", resolve));
  const { port } = holder.address();
  const told: string[] = [];
  const member = Promise.withResolvers<void>();
  const refused = Promise.withResolvers<void>();
  const seat: Seat<Gossip["event"], Gossip["report"]> = {
    step: (event) => {
      for (const effect of engine.step(event, performance.now())) engine.perform(effect, performance.now());
    },
    wakeAt: () => {},
    wallClock: (at) => 1_700_000_000_000 + at,
    random: Math.random,
    report: (_, report) => {
      told.push(report.kind);
      if (report.kind === "member") member.resolve();
      if (report.kind === "unavailable") refused.resolve();
    },
    log: () => {},
    pass: () => {},
  };
  const engine = gossipEntry().create(seat);
  const at = { address: ip(4, 0x7f000001n), port };
  const start = { name: "node-1", at, key: null, config: LAN, meta: new Uint8Array() };
  for (const event of engine.events({ start, events: [{ kind: "join", addresses: [] }] })) seat.step(event);
  await refused.promise;
  await new Promise<void>((resolve) => holder.close(() => resolve()));
  await member.promise;
  expect(told).toEqual(["unavailable", "member", "joined"].slice(0, told.length));
  engine.dispose?.();
});
