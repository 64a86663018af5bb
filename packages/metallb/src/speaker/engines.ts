import { bgpSockets, loadPacketSystem } from "#sys";
import { bgpEntry } from "./bgp-entry.ts";
import type { EngineEntry } from "./engine-registry.ts";
import { gossipEntry } from "./gossip-entry.ts";
import { neighborEntry } from "./neighbor-entry.ts";

/** The engines of the thread. */
export const ENGINES: readonly EngineEntry[] = [bgpEntry(bgpSockets), neighborEntry(loadPacketSystem), gossipEntry()];
