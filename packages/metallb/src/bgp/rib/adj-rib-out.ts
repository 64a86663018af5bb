import { type Ip, ipEquals } from "#net";
import type { LocalEnd, Negotiated } from "../agreement.ts";
import { encodeRouteRefresh } from "../packet/route-refresh.ts";
import type { AddressFamily, Asn, PathAttributes } from "../settings.ts";
import { endOfRib, type PackParameters, packKey, packUpdates } from "./pack.ts";
import { sameAttributes } from "./path-attributes.ts";
import { familyOfKey, type PrefixKey } from "./prefix-key.ts";
import type { Entry, RouteTable } from "./route-table.ts";

/** Entries that are due, of which a turn takes some; each is told as it stands when its turn comes. */
interface Job {
  readonly name: string;
  readonly entries: readonly Entry[];
  /** Changes from here on are told later, and not by this job. */
  readonly until: number;
  /** Markers around it. */
  readonly before: readonly Uint8Array[];
  readonly after: readonly Uint8Array[];
  /** Whose whole table it is, and why. */
  readonly whole: readonly [AddressFamily, Whole] | null;
  at: number;
}

type Whole = "initial" | "refresh" | "again";

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
  private parameters: PackParameters | null = null;
  private negotiated: Negotiated | null = null;
  /** Negotiated and with a next hop: what can be announced on this session. */
  families: readonly AddressFamily[] = [];
  /** Families whose whole table is due: at the beginning, and when the peer asks. */
  private readonly whole = new Map<AddressFamily, Whole>();
  /** What has begun to be told, in order. */
  private jobs: Job[] = [];
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
    };
    this.negotiated = negotiated;
    this.families = negotiated.families.filter((family) => nextHop[family] !== null);
    this.whole.clear();
    this.jobs = [];
    for (const family of negotiated.families) this.whole.set(family, "initial");
    this.position = this.table.position;
    this.leftBehind = null;
  }

  end(): void {
    this.parameters = null;
    this.gone = [];
    this.jobs = [];
    this.whole.clear();
    this.leftBehind = null;
  }

  /**
   * The interface has other addresses. What has another next hop now is told again, and what has none any
   * more is withdrawn; false: the next hops are what they were.
   */
  relink(local: LocalEnd): boolean {
    const { parameters, negotiated } = this;
    if (!parameters || !negotiated) return false;
    const nextHop = nextHopsOf(local, negotiated);
    const differ = negotiated.families.filter((family) => !sameIp(parameters.nextHop[family], nextHop[family]));
    if (differ.length === 0) return false;
    for (const family of differ) {
      const told = this.families.includes(family) && this.whole.get(family) !== "initial";
      if (nextHop[family] === null && told) this.takeBack(family);
      if (!this.whole.has(family)) this.whole.set(family, "again");
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
    if (this.parameters && this.negotiated?.families.includes(family) && !this.whole.has(family))
      this.whole.set(family, "refresh");
  }

  /** From now on each route says that it will go (RFC 8326), or no longer; what stands is told again. */
  leave(leaving: boolean): void {
    if (leaving === this.leaving) return;
    this.leaving = leaving;
    if (!this.parameters) return;
    this.parameters = { ...this.parameters, leaving };
    for (const family of this.families) if (!this.whole.has(family)) this.whole.set(family, "again");
  }

  /** From now on the peer gets another table, and is told only where the two differ. */
  moveTo(table: RouteTable): void {
    if (table === this.table) return;
    if (this.parameters && !this.leftBehind) {
      const told = this.families.filter((family) => this.whole.get(family) !== "initial");
      const left = new Map<PrefixKey, { entry: Entry; attributes: PathAttributes | null }>();
      for (const each of this.table.toldUntil(this.position))
        if (told.includes(familyOfKey(each.entry.key))) left.set(each.entry.key, each);
      this.giveUpJobs(left);
      this.leftBehind = left;
    }
    this.table = table;
    this.position = table.position;
  }

  /** What was begun is not told to its end: of the rest nobody knows whether it stands with the peer. */
  private giveUpJobs(left: Map<PrefixKey, { entry: Entry; attributes: PathAttributes | null }>): void {
    for (const { entries, at, whole } of this.jobs) {
      for (const entry of entries.slice(at)) left.set(entry.key, { entry, attributes: null });
      if (whole && this.whole.get(whole[0]) !== "initial") this.whole.set(...whole);
    }
    this.jobs = [];
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
    const begun = this.jobs.reduce((sum, { entries, at }) => sum + entries.length - at, 0);
    return this.standing - this.announced + (this.table.position - this.position) + begun;
  }

  /** Messages that bring the peer nearer to where the table is: a turn's worth (see {@link RouteTable.turn}). Nothing: it is there. */
  pending(): readonly Uint8Array[] {
    const { parameters } = this;
    if (!parameters) return [];
    const chunks: Uint8Array[] = [];
    // A turn that brings nothing is none: nobody would call for the next.
    for (let room = this.table.turn; room > 0 || chunks.length === 0; ) {
      if (this.jobs.length === 0) this.begun();
      const [job] = this.jobs;
      if (!job) break;
      if (room <= 0) room = this.table.turn;
      if (job.at === 0) chunks.push(...job.before);
      const end = Math.min(job.entries.length, job.at + room);
      room -= end - job.at;
      chunks.push(...this.packed(job, end, parameters));
      job.at = end;
      if (end < job.entries.length) continue;
      chunks.push(...job.after);
      this.jobs.shift();
    }
    return this.counted(chunks);
  }

  /** What is due now, as jobs: what was told and is no more, what differs, and whole tables. */
  private begun(): void {
    const { table, position } = this;
    if (this.gone.length > 0) this.job("", this.gone);
    if (this.leftBehind) this.job("", [...this.crossing(this.leftBehind)]);
    else if (position < table.position) {
      const name = `since ${position} ${this.families.join()} ${[...this.whole.keys()].join()}`;
      this.job(
        name,
        this.listed(name, () => this.due(table.since(position))),
      );
    }
    for (const [family, why] of this.whole) this.beginWhole(family, why);
    this.gone = [];
    this.leftBehind = null;
    this.whole.clear();
    this.position = table.position;
  }

  private job(name: string, entries: readonly Entry[], more: Partial<Job> = {}): void {
    const until = this.table.position;
    this.jobs.push({
      name: name && `${name} ${until}`,
      entries,
      until,
      before: [],
      after: [],
      whole: null,
      at: 0,
      ...more,
    });
  }

  private beginWhole(family: AddressFamily, why: Whole): void {
    const marked = why === "refresh" && this.negotiated?.enhancedRouteRefresh === true;
    const name = `whole ${family}`;
    const entries = this.families.includes(family) ? this.listed(name, () => this.standingOf(family)) : [];
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
    for (const { entry } of left.values())
      if (this.table.standingFor(entry.key) === null) entries.push({ ...entry, changedAt: -1, attributes: null });
    for (const entry of this.table.standing()) {
      const before = left.get(entry.key)?.attributes;
      if (!before || !entry.attributes || !sameAttributes(before, entry.attributes)) entries.push(entry);
    }
    return this.due(entries);
  }

  private *standingOf(family: AddressFamily): Generator<Entry> {
    for (const entry of this.table.standing()) if (familyOfKey(entry.key) === family) yield entry;
  }

  private listed(name: string, entries: () => Iterable<Entry>): readonly Entry[] {
    const { lists } = this.table;
    const list = lists.get(name) ?? [...entries()];
    lists.set(name, list);
    return list;
  }

  /** Sessions with equal parameters at an equal place share what is encoded once. */
  private packed({ name, entries, at, until }: Job, end: number, parameters: PackParameters): readonly Uint8Array[] {
    if (at === end) return [];
    const { cache } = this.table;
    const key = `${name} ${at} ${end} ${packKey(parameters, this.families)}`;
    const known = name === "" ? undefined : cache.get(key);
    if (known) return known;
    // What changed meanwhile is told with the changes, and what lost its next hop is withdrawn elsewhere.
    const still = entries
      .slice(at, end)
      .filter(
        (entry) =>
          entry.changedAt < until && (entry.attributes === null || this.families.includes(familyOfKey(entry.key))),
      );
    const chunks = packUpdates(still, parameters);
    this.table.packed += end - at;
    if (name !== "") cache.set(key, chunks);
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
