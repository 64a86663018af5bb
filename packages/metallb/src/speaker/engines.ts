import { bgpSockets, loadBfdSockets, loadPacketSystem } from "#sys";
import { bfdEntry } from "./bfd-entry.ts";
import { bgpEntry } from "./bgp-entry.ts";
import type { EngineEntry } from "./engine-registry.ts";
import { gossipEntry } from "./gossip-entry.ts";
import { neighborEntry } from "./neighbor-entry.ts";

/** The engines of the thread. */
export const ENGINES: readonly EngineEntry[] = [
  bgpEntry(bgpSockets),
  bfdEntry(loadBfdSockets),
  neighborEntry(loadPacketSystem),
  gossipEntry(),
];
