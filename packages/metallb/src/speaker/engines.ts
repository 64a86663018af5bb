import { bgpSockets } from "#sys";
import { bgpEntry } from "./bgp-entry.ts";
import type { EngineEntry } from "./engine-registry.ts";

/** The engines of the thread. */
export const ENGINES: readonly EngineEntry[] = [bgpEntry(bgpSockets)];
