import { type Ip, ipEquals } from "#net";
import type { LocalEnd, Negotiated } from "../agreement.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import type { AddressFamily, Asn, PathAttributes } from "../settings.ts";
import { endOfRib, type PackParameters, packKey, packUpdates } from "./pack.ts";
import { sameAttributes } from "./path-attributes.ts";
import { familyOfKey, type PrefixKey } from "./prefix-key.ts";
import type { Entry, RouteTable } from "./route-table.ts";

/** Prefixes of the table that a peer was moved away from, as far as it was told them. */
type LeftBehind = ReadonlyMap<PrefixKey, { readonly entry: Entry; readonly attributes: PathAttributes | null }>;

/** IPv4 goes with the session's own address where that is IPv4 or RFC 8950 was agreed, else with one beside it. */
const nextHopsOf = (
  { address, link }: LocalEnd,
  { extendedNextHop }: Negotiated,
): Readonly<Record<AddressFamily, Ip | null>> => ({
  "ipv4-unicast": address.family === 4 || extendedNextHop ? address : (link?.ipv4 ?? null),
  "ipv6-unicast": address.family === 6 ? address : (link?.ipv6 ?? null),
});

const sameIp = (a: Ip | null, b: Ip | null): boolean => a === b || (a !== null && b !== null && ipEquals(a, b));

/**
 * What one peer has been told (RFC 4271 section 3.2), held as a position in a table that peers share.
 * What it still has to be told is computed when its connection can take more, so nothing queues for
 * a peer that reads slowly, and each prefix is told once however often it changed.
 */
export class AdjRibOut {
  table: RouteTable;
  /** Where in the table's order of changes this peer is. */
  position = 0;
  updatesSent = 0;
  bytesSent = 0;
  /** Null: no session stands. */
  private parameters: (PackParameters & { readonly negotiated: Negotiated }) | null = null;
  /** Negotiated and with a next hop: what can be announced on this session. */
  families: readonly AddressFamily[] = [];
  /** Families whose whole table is due: at the beginning, and when the peer asks. */
  private readonly whole = new Map<AddressFamily, "initial" | "refresh" | "again">();
  /** Routes that lost their next hop and have still to be withdrawn. */
  private gone: Entry[] = [];
  private leaving = false;
  private leftBehind: LeftBehind | null = null;

  constructor(table: RouteTable) {
    this.table = table;
  }

  /** The session is Established: from here on the peer knows nothing. */
  begin(localAs: Asn, { negotiated, local }: { readonly negotiated: Negotiated; readonly local: LocalEnd }): void {
    const nextHop = nextHopsOf(local, negotiated);
    this.parameters = {
      localAs,
      internal: negotiated.internal,
      fourOctetAs: negotiated.fourOctetAs,
      nextHop,
      limit: negotiated.limit,
      leaving: this.leaving,
      negotiated,
    };
    this.families = negotiated.families.filter((family) => nextHop[family] !== null);
    for (const family of negotiated.families) this.whole.set(family, "initial");
    this.position = this.table.position;
  }

  end(): void {
    this.parameters = null;
    this.families = [];
    this.gone = [];
    this.whole.clear();
    this.leftBehind = null;
  }

  /**
   * The interface has other addresses. What has another next hop now is told again, and what has none any
   * more is withdrawn; false: the next hops are what they were.
   */
  relink(local: LocalEnd): boolean {
    const { parameters } = this;
    if (!parameters) return false;
    const { negotiated } = parameters;
    const nextHop = nextHopsOf(local, negotiated);
    const differ = negotiated.families.filter((family) => !sameIp(parameters.nextHop[family], nextHop[family]));
    if (differ.length === 0) return false;
    for (const family of differ) {
      if (nextHop[family] === null && this.whole.get(family) !== "initial") this.takeBack(family);
      this.tellAgain(family, "again");
    }
    this.parameters = { ...parameters, nextHop };
    this.families = negotiated.families.filter((family) => nextHop[family] !== null);
    return true;
  }

  private takeBack(family: AddressFamily): void {
    const told = this.leftBehind?.values() ?? this.table.toldUntil(this.position);
    for (const { entry } of told) if (familyOfKey(entry.key) === family) this.gone.push({ ...entry, attributes: null });
  }

  /** The peer asks for a family again (RFC 2918). */
  refresh(family: AddressFamily): void {
    if (this.parameters?.negotiated.families.includes(family)) this.tellAgain(family, "refresh");
  }

  /** What is due already stays what it is: the whole table, with what belongs to its beginning or its refresh. */
  private tellAgain(family: AddressFamily, why: "refresh" | "again"): void {
    if (!this.whole.has(family)) this.whole.set(family, why);
  }

  /** From now on each route says that it will go (RFC 8326), or no longer; what stands is told again. */
  leave(leaving: boolean): void {
    if (leaving === this.leaving) return;
    this.leaving = leaving;
    if (!this.parameters) return;
    this.parameters = { ...this.parameters, leaving };
    for (const family of this.families) this.tellAgain(family, "again");
  }

  /** From now on the peer gets another table, and is told only where the two differ. */
  moveTo(table: RouteTable): void {
    if (table === this.table) return;
    if (this.parameters && !this.leftBehind) {
      const told = this.families.filter((family) => this.whole.get(family) !== "initial");
      const left = new Map<PrefixKey, { entry: Entry; attributes: PathAttributes | null }>();
      for (const each of this.table.toldUntil(this.position))
        if (told.includes(familyOfKey(each.entry.key))) left.set(each.entry.key, each);
      this.leftBehind = left;
    }
    this.table = table;
    this.position = table.position;
  }

  /** Prefixes that stand in the table and can be announced on this session. */
  get announced(): number {
    return this.families.reduce((sum, family) => sum + this.table.count(family), 0);
  }

  get standing(): number {
    return this.table.count("ipv4-unicast") + this.table.count("ipv6-unicast");
  }

  /** Prefixes that stand and are not told: no family for them, or not sent yet (an upper bound). */
  get waiting(): number {
    return this.standing - this.announced + (this.table.position - this.position);
  }

  /** Messages that bring the peer from where it is to where the table is. Calling again gives nothing more. */
  pending(): readonly Uint8Array[] {
    const { parameters } = this;
    if (!parameters) return [];
    const chunks: Uint8Array[] = [];
    if (this.gone.length > 0) chunks.push(...this.counted(packUpdates(this.gone, parameters)));
    this.gone = [];
    if (this.leftBehind) chunks.push(...this.counted(packUpdates(this.crossing(this.leftBehind), parameters)));
    else if (this.position < this.table.position) chunks.push(...this.difference(parameters));
    for (const [family, why] of this.whole) chunks.push(...this.wholeFamily(family, why, parameters));
    this.leftBehind = null;
    this.whole.clear();
    this.position = this.table.position;
    return chunks;
  }

  private difference(parameters: PackParameters): readonly Uint8Array[] {
    const key = `since ${this.position} ${packKey(parameters, this.families)} ${[...this.whole.keys()].join()}`;
    return this.shared(key, parameters, () => this.due(this.table.since(this.position)));
  }

  /** Of a family whose whole table follows only what is withdrawn has to be told before. */
  private *due(entries: Iterable<Entry>): Generator<Entry> {
    for (const entry of entries) {
      const family = familyOfKey(entry.key);
      if (this.families.includes(family) && (entry.attributes === null || !this.whole.has(family))) yield entry;
    }
  }

  /** What tells the table that the peer was moved to from the one that it was told. */
  private crossing(left: LeftBehind): Iterable<Entry> {
    const entries: Entry[] = [];
    for (const { entry } of left.values())
      if (this.table.standingFor(entry.key) === null) entries.push({ ...entry, attributes: null });
    for (const entry of this.table.standing()) {
      const before = left.get(entry.key)?.attributes;
      if (!before || !entry.attributes || !sameAttributes(before, entry.attributes)) entries.push(entry);
    }
    return this.due(entries);
  }

  private wholeFamily(
    family: AddressFamily,
    why: "initial" | "refresh" | "again",
    parameters: PackParameters & { readonly negotiated: Negotiated },
  ): readonly Uint8Array[] {
    const marked = why === "refresh" && parameters.negotiated.enhancedRouteRefresh;
    const chunks: Uint8Array[] = marked ? [encodeRouteRefresh(family, "begin")] : [];
    if (this.families.includes(family))
      chunks.push(...this.shared(`whole ${packKey(parameters, [family])}`, parameters, () => this.standingOf(family)));
    if (marked) chunks.push(encodeRouteRefresh(family, "end"));
    if (why === "initial") chunks.push(...this.counted([endOfRib(family)]));
    return chunks;
  }

  private *standingOf(family: AddressFamily): Generator<Entry> {
    for (const entry of this.table.standing()) if (familyOfKey(entry.key) === family) yield entry;
  }

  /** Sessions with equal parameters at an equal place share what is encoded once. */
  private shared(key: string, parameters: PackParameters, entries: () => Iterable<Entry>): readonly Uint8Array[] {
    let chunks = this.table.cache.get(key);
    if (!chunks) {
      chunks = packUpdates(entries(), parameters);
      this.table.cache.set(key, chunks);
    }
    return this.counted(chunks);
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
