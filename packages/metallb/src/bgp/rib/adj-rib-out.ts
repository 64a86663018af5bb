import { type Ip, ipEquals } from "#net";
import type { LocalEnd, Negotiated } from "../agreement.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import type { AddressFamily, Asn, PathAttributes } from "../settings.ts";
import { endOfRib, type PackParameters } from "./pack.ts";
import { sameAttributes } from "./path-attributes.ts";
import { familyOfKey, type PrefixKey } from "./prefix-key.ts";
import type { Entry, RouteTable } from "./route-table.ts";
import { type Job, Turns, type Whole } from "./turns.ts";

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
  private readonly whole = new Map<AddressFamily, Whole>();
  /** What has begun to be told. */
  private readonly turns = new Turns();
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
    this.turns.giveUp();
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
    for (const { entry } of told)
      if (familyOfKey(entry.key) === family) this.gone.push({ ...entry, changedAt: -1, attributes: null });
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
      this.giveUp(left);
      this.leftBehind = left;
    }
    this.table = table;
    this.position = table.position;
  }

  /** What was begun is not told to its end: of the rest nobody knows whether it stands with the peer. */
  private giveUp(left: Map<PrefixKey, { entry: Entry; attributes: PathAttributes | null }>): void {
    for (const { entries, at, whole } of this.turns.giveUp()) {
      for (const entry of entries.slice(at)) left.set(entry.key, { entry, attributes: null });
      if (whole && this.whole.get(whole[0]) !== "initial") this.whole.set(...whole);
    }
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
    return this.standing - this.announced + (this.table.position - this.position) + this.turns.left;
  }

  /** Messages that bring the peer nearer to where the table is: a turn's worth (see {@link RouteTable.turn}). Nothing: it is there. */
  pending(): readonly Uint8Array[] {
    const { parameters } = this;
    if (!parameters) return [];
    return this.counted(this.turns.next(this.table, this.families, parameters, () => this.begun(parameters)));
  }

  /** What is due now, as jobs: what was told and is no more, what differs, and whole tables. */
  private begun({ negotiated }: { readonly negotiated: Negotiated }): void {
    const { table, position } = this;
    if (this.gone.length > 0) this.job("", this.gone);
    if (this.leftBehind) this.job("", [...this.crossing(this.leftBehind)]);
    else if (position < table.position) {
      const name = `since ${position} ${this.families.join()} ${[...this.whole.keys()].join()}`;
      this.job(
        name,
        this.listed(name, () => [...this.due(table.since(position))]),
      );
    }
    for (const [family, why] of this.whole) this.beginWhole(family, why, negotiated);
    this.gone = [];
    this.leftBehind = null;
    this.whole.clear();
    this.position = table.position;
  }

  private job(name: string, entries: readonly Entry[], whole: Partial<Job> = {}): void {
    this.turns.add(name, entries, this.table.position, whole);
  }

  private beginWhole(family: AddressFamily, why: Whole, negotiated: Negotiated): void {
    const { table } = this;
    const marked = why === "refresh" && negotiated.enhancedRouteRefresh;
    const name = `whole ${family}`;
    const entries = this.families.includes(family) ? this.listed(name, () => table.standingOf(family)) : [];
    this.job(name, entries, {
      before: marked ? [encodeRouteRefresh(family, "begin")] : [],
      after: [...(marked ? [encodeRouteRefresh(family, "end")] : []), ...(why === "initial" ? [endOfRib(family)] : [])],
      whole: [family, why],
    });
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
    for (const entry of this.table.standing()) {
      const before = left.get(entry.key)?.attributes;
      if (!before || !entry.attributes || !sameAttributes(before, entry.attributes)) entries.push(entry);
    }
    for (const { entry } of left.values())
      if (this.table.standingFor(entry.key) === null) entries.push({ ...entry, changedAt: -1, attributes: null });
    return this.due(entries);
  }

  private listed(name: string, entries: () => readonly Entry[]): readonly Entry[] {
    const { lists } = this.table;
    const list = lists.get(name) ?? entries();
    lists.set(name, list);
    return list;
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
