import type { Ip } from "#net";
import type { Negotiated } from "./negotiate.ts";
import { endOfRib, type PackParameters, packKey, packUpdates } from "./pack.ts";
import { encodeRouteRefresh } from "./packet/route-refresh.ts";
import type { Entry, RouteTable } from "./route-table.ts";
import type { AddressFamily, Asn } from "./settings.ts";

/**
 * What one peer has been told (RFC 4271 section 3.2), held as a position in a table that peers share.
 * What it still has to be told is asked for when its connection can take more.
 */
export class AdjRibOut {
  table: RouteTable;
  /** Where in the table's order of changes this peer is. */
  position = 0;
  updatesSent = 0;
  bytesSent = 0;
  private parameters: PackParameters | null = null;
  /** Negotiated and with a next hop: what can be announced on this session. */
  private families: readonly AddressFamily[] = [];
  private negotiatedFamilies: readonly AddressFamily[] = [];
  private enhancedRouteRefresh = false;
  /** Families whose whole table is due: at the beginning, and when the peer asks. */
  private readonly whole = new Map<AddressFamily, "initial" | "refresh">();
  /** Prefixes of a table that this peer had before it was moved, to be withdrawn unless the new one has them. */
  private leftBehind: RouteTable | null = null;

  constructor(table: RouteTable) {
    this.table = table;
  }

  begin(localAs: Asn, negotiated: Negotiated, local: Ip): void {
    const nextHop = {
      "ipv4-unicast": local.family === 4 ? local : null,
      "ipv6-unicast": local.family === 6 ? local : null,
    };
    this.parameters = {
      localAs,
      internal: negotiated.internal,
      fourOctetAs: negotiated.fourOctetAs,
      nextHop,
      limit: negotiated.limit,
    };
    this.negotiatedFamilies = negotiated.families;
    this.families = negotiated.families.filter((family) => nextHop[family] !== null);
    this.enhancedRouteRefresh = negotiated.enhancedRouteRefresh;
    this.whole.clear();
    for (const family of negotiated.families) this.whole.set(family, "initial");
    this.position = this.table.position;
    this.leftBehind = null;
  }

  end(): void {
    this.parameters = null;
    this.whole.clear();
    this.leftBehind = null;
  }

  /** The peer asks for a family again (RFC 2918). */
  refresh(family: AddressFamily): void {
    if (this.parameters && this.negotiatedFamilies.includes(family) && !this.whole.has(family))
      this.whole.set(family, "refresh");
  }

  /** From now on the peer gets another table: the same prefixes stay, the others go or come. */
  moveTo(table: RouteTable): void {
    if (table === this.table) return;
    if (this.parameters) {
      // What was sent is the old table up to the position; the new one is announced whole, and what it lacks goes.
      this.leftBehind ??= this.table;
      for (const family of this.negotiatedFamilies) if (!this.whole.has(family)) this.whole.set(family, "refresh");
    }
    this.table = table;
    this.position = table.position;
  }

  /** Prefixes that stand in the table and can be announced on this session. */
  get announced(): number {
    return this.parameters ? this.families.reduce((sum, family) => sum + this.table.count(family), 0) : 0;
  }

  get standing(): number {
    return this.table.count("ipv4-unicast") + this.table.count("ipv6-unicast");
  }

  /** Prefixes that stand and are not told: no family for them, or not sent yet (an upper bound). */
  get waiting(): number {
    return this.standing - this.announced + (this.table.position - this.position);
  }

  /** UPDATEs that bring the peer from where it is to where the table is. Calling again gives nothing more. */
  pending(): readonly Uint8Array[] {
    const { parameters } = this;
    if (!parameters) return [];
    const chunks: Uint8Array[] = [];
    if (this.leftBehind) chunks.push(...this.withdrawLeftBehind(this.leftBehind, parameters));
    const partial = this.families.filter((family) => !this.whole.has(family));
    if (partial.length > 0 && this.position < this.table.position) chunks.push(...this.difference(partial, parameters));
    for (const [family, why] of this.whole) chunks.push(...this.wholeFamily(family, why, parameters));
    this.whole.clear();
    this.position = this.table.position;
    return chunks;
  }

  private difference(families: readonly AddressFamily[], parameters: PackParameters): readonly Uint8Array[] {
    const key = `since ${this.position} ${packKey(parameters, families)}`;
    return this.counted(this.shared(key, parameters, () => filter(this.table.since(this.position), families)));
  }

  private wholeFamily(
    family: AddressFamily,
    why: "initial" | "refresh",
    parameters: PackParameters,
  ): readonly Uint8Array[] {
    const marked = why === "refresh" && this.enhancedRouteRefresh;
    const chunks: Uint8Array[] = marked ? [encodeRouteRefresh(family, "begin")] : [];
    if (this.families.includes(family)) {
      const key = `whole ${packKey(parameters, [family])}`;
      chunks.push(...this.counted(this.shared(key, parameters, () => filter(this.table.standing(), [family]))));
    }
    if (marked) chunks.push(encodeRouteRefresh(family, "end"));
    if (why === "initial") chunks.push(...this.counted([endOfRib(family)]));
    return chunks;
  }

  private withdrawLeftBehind(table: RouteTable, parameters: PackParameters): readonly Uint8Array[] {
    this.leftBehind = null;
    const gone: Entry[] = [];
    for (const entry of filter(table.known(), this.families))
      if (!this.table.has(entry)) gone.push({ ...entry, attributes: null });
    return this.counted(packUpdates(gone, parameters));
  }

  /** Sessions with equal parameters at an equal place share what is encoded once. */
  private shared(key: string, parameters: PackParameters, entries: () => Iterable<Entry>): readonly Uint8Array[] {
    let chunks = this.table.cache.get(key);
    if (!chunks) {
      chunks = packUpdates(entries(), parameters);
      this.table.cache.set(key, chunks);
    }
    return chunks;
  }

  private counted(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    for (const chunk of chunks) {
      this.bytesSent += chunk.length;
      for (let at = 0; at < chunk.length; at += ((chunk[at + 16] as number) << 8) | (chunk[at + 17] as number))
        this.updatesSent++;
    }
    return chunks;
  }
}

function* filter(entries: Iterable<Entry>, families: readonly AddressFamily[]): Generator<Entry, undefined> {
  for (const entry of entries) if (families.includes(entry.family)) yield entry;
}
