export { createNeighborEngine, type NeighborEngineOptions } from "./engine.ts";
export type {
  AddressCounters,
  AddressReport,
  AddressState,
  Claim,
  DropCounters,
  ForeignClaim,
  Instant,
  LinkIndex,
  LinkSettings,
  NeighborEffect,
  NeighborEngine,
  NeighborEvent,
  NeighborOptions,
  OnConflict,
  Release,
} from "./events.ts";
