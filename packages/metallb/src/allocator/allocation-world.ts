import type { Service } from "#api";
import type { Pool } from "#config";

export interface AllocationWorld {
  readonly services: Pick<ReadonlyMap<string, Service>, "get" | "keys">;
  /** Null until the configuration was read once: then nothing is decided. */
  readonly pools: readonly Pool[] | null;
}

export interface AllocationChanges {
  readonly services: Iterable<string>;
  readonly pools: boolean;
}

export interface PoolUsage {
  readonly pool: string;
  readonly ipv4: { readonly total: bigint; readonly used: number };
  readonly ipv6: { readonly total: bigint; readonly used: number };
}
