import type { Prefix } from "#net";
import type { AddressFamily, PathAttributes, TableChange } from "../settings.ts";
import { sameAttributes } from "./path-attributes.ts";
import { familyOfKey, keyOf, type PrefixKey } from "./prefix-key.ts";

/**
 * Entries that are encoded for one peer, or in one step, at most, so that nothing else waits long for the thread:
 * some ten full UPDATEs, so that cutting costs no further message worth counting.
 */
export const TURN_ENTRIES = 8_000;

/** One prefix of a table, also after it was withdrawn, until every session has been told. */
export interface Entry {
  /** The prefix. */
  readonly key: PrefixKey;
  /** Null: withdrawn. */
  attributes: PathAttributes | null;
  /** Position in the log of its latest change. */
  changedAt: number;
  /** Position at which the prefix first came; a session that is not that far never heard of it. */
  readonly createdAt: number;
}

/**
 * The routes of a group of peers (their common Adj-RIB-Out, RFC 4271 section 3.2) and the order in
 * which they changed. A session holds a position in that order; what it still has to be told is
 * found by walking from there, each prefix once however often it changed. So nothing is queued for a
 * slow peer, and memory is bounded by the number of distinct prefixes.
 */
export class RouteTable {
  /** Entries of one turn. */
  readonly turn: number;
  private readonly entries = new Map<PrefixKey, Entry>();
  /** Entry at each position from `base` on; superseded where its `changedAt` is another position. */
  private log: Entry[] = [];
  private base = 0;
  private superseded = 0;
  private readonly counts: Record<AddressFamily, number> = { "ipv4-unicast": 0, "ipv6-unicast": 0 };
  /** What sessions with equal parameters share, in lists and encoded; valid for the present position. */
  readonly lists = new Map<string, readonly Entry[]>();
  readonly cache = new Map<string, readonly Uint8Array[]>();
  /** How many entries were encoded so far: what {@link cache} held costs nothing. */
  packed = 0;

  constructor(turn = TURN_ENTRIES) {
    this.turn = turn;
  }

  /** Position of the oldest change that is kept. */
  get oldest(): number {
    return this.base;
  }

  /** One past the position of the latest change. */
  get position(): number {
    return this.base + this.log.length;
  }

  /** How many prefixes are kept, with those withdrawn ones that a session has still to be told of. */
  get size(): number {
    return this.entries.size;
  }

  /** How many prefixes of the family stand. */
  count(family: AddressFamily): number {
    return this.counts[family];
  }

  /** Takes a difference, what comes before what goes; what it does not change is not noted. */
  apply(change: TableChange): void {
    const before = this.position;
    for (const { prefix, attributes } of change.announce) this.put(prefix, attributes);
    for (const prefix of change.withdraw) this.put(prefix, null);
    if (this.position === before) return;
    this.cache.clear();
    this.lists.clear();
  }

  private put(prefix: Prefix, attributes: PathAttributes | null): void {
    const key = keyOf(prefix);
    let entry = this.entries.get(key);
    if (!entry) {
      if (attributes === null) return;
      entry = {
        key,
        attributes: null,
        changedAt: -1,
        createdAt: this.position,
      };
      this.entries.set(key, entry);
    }
    if (
      entry.attributes === attributes ||
      (entry.attributes && attributes && sameAttributes(entry.attributes, attributes))
    )
      return;
    this.counts[familyOfKey(key)] += (attributes === null ? 0 : 1) - (entry.attributes === null ? 0 : 1);
    entry.attributes = attributes;
    if (entry.changedAt >= this.base) this.superseded++;
    entry.changedAt = this.position;
    this.log.push(entry);
  }

  /** Every prefix that stands. */
  *standing(): Generator<Entry, undefined> {
    for (const entry of this.entries.values()) if (entry.attributes !== null) yield entry;
  }

  /** Every prefix of the family that stands, in one go: a generator takes five times as long for a hundred thousand. */
  standingOf(family: AddressFamily): readonly Entry[] {
    const list: Entry[] = [];
    const four = family === "ipv4-unicast";
    for (const entry of this.entries.values())
      if (entry.attributes !== null && (typeof entry.key === "number") === four) list.push(entry);
    return list;
  }

  /** What stands for the prefix; null: nothing. */
  standingFor(key: PrefixKey): PathAttributes | null {
    return this.entries.get(key)?.attributes ?? null;
  }

  /**
   * What a session at the position was told and not told otherwise since. An entry that changed later
   * is given without attributes: it may stand with the peer, in an earlier form.
   */
  *toldUntil(position: number): Generator<{ readonly entry: Entry; readonly attributes: PathAttributes | null }> {
    for (const entry of this.entries.values()) {
      if (entry.changedAt >= position) {
        if (entry.createdAt < position) yield { entry, attributes: null };
      } else if (entry.attributes !== null) yield { entry, attributes: entry.attributes };
    }
  }

  /** Entries that changed since the position, each once, in the order of their latest change. */
  *since(position: number): Generator<Entry, undefined> {
    for (let at = Math.max(position, this.base); at < this.position; at++) {
      const entry = this.log[at - this.base] as Entry;
      if (entry.changedAt === at && (entry.attributes !== null || entry.createdAt < position)) yield entry;
    }
  }

  /** Forgets what every session is past: `slowest` is the least position of any session, or the present one. */
  trim(slowest: number): void {
    const passed = slowest - this.base;
    if (passed > 64 && passed * 2 > this.log.length) {
      for (const [i, entry] of this.log.entries()) {
        if (i >= passed) break;
        if (entry.changedAt !== this.base + i) this.superseded--;
        else if (entry.attributes === null) this.entries.delete(entry.key);
      }
      this.log = this.log.slice(passed);
      this.base = slowest;
    }
    if (this.superseded > 1024 && this.superseded * 2 > this.log.length) this.compact();
  }

  /** Takes superseded positions out of the log. Positions that sessions hold stay true: they only skip over less. */
  private compact(): void {
    const end = this.position;
    const live: Entry[] = [];
    for (const [i, entry] of this.log.entries()) if (entry.changedAt === this.base + i) live.push(entry);
    this.base = end - live.length;
    // An entry moves towards the end, so a session that has passed its old place may hear of it again: harmless.
    for (const [i, entry] of live.entries()) entry.changedAt = this.base + i;
    this.log = live;
    this.superseded = 0;
  }
}
