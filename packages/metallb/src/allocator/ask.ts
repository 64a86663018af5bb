import type { Family, Ip } from "#net";

/** What the IPAM is to be asked: an address of a family, of the range that it knows by `range`. */
export interface Ask {
  readonly pool: string;
  readonly range: string;
  readonly family: Family;
  /** The one that the Service asks for; null: any. */
  readonly wanted: Ip | null;
}
