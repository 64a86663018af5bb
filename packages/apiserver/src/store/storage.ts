import { tooLarge } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";

/** One stored object. Never changed in place: a write makes a new entry. */
export class Entry {
  readonly key: string;
  readonly revision: number;
  readonly object: JsonObject;
  private bytes: Buffer | null = null;

  constructor(key: string, revision: number, object: JsonObject) {
    this.key = key;
    this.revision = revision;
    this.object = object;
  }

  /** The object as JSON, written once however many watchers read it. */
  get json(): Buffer {
    this.bytes ??= Buffer.from(JSON.stringify(this.object));
    return this.bytes;
  }
}

export interface Change {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** For DELETED the last state, carrying the revision of the deletion. */
  readonly entry: Entry;
  readonly previous: Entry | null;
}

/** `namespace/name`, or `name` where there is no namespace. */
export const objectKey = (namespace: string, name: string): string =>
  namespace === "" ? name : `${namespace}/${name}`;

/** All objects of one kind, and the last changes to them. */
export class Collection {
  readonly name: string;
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<() => void>();
  private readonly historyLimit: number;
  private history: Change[] = [];
  /** Changes up to and including this revision are forgotten. */
  private forgotten: number;
  private sorted: string[] | null = null;

  constructor(name: string, historyLimit: number, revision: number) {
    this.name = name;
    this.historyLimit = historyLimit;
    this.forgotten = revision;
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: string): Entry | undefined {
    return this.entries.get(key);
  }

  values(): IterableIterator<Entry> {
    return this.entries.values();
  }

  /** Called after each change; told nothing, the listener asks `since`. Returns how to stop. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Changes after the revision, oldest first, at most `limit`; null when they are no longer known. */
  since(revision: number, limit: number): readonly Change[] | null {
    if (revision < this.forgotten) return null;
    const start = this.indexAfter(revision);
    return start === this.history.length ? [] : this.history.slice(start, start + limit);
  }

  /** Entries in the order of their keys as of `revision`, from the first key after `after`; null when too old. */
  *from(after: string, prefix: string, revision: number): Generator<Entry, void> {
    const past = this.rewind(revision);
    const keys = past.size === 0 ? this.keys() : [...new Set([...this.keys(), ...past.keys()])].sort();
    const start = after > prefix ? after : prefix;
    for (let i = lowerBound(keys, start); i < keys.length; i += 1) {
      const key = keys[i] as string;
      if (!key.startsWith(prefix)) return;
      if (key === after) continue;
      const entry = past.has(key) ? past.get(key) : this.entries.get(key);
      if (entry) yield entry;
    }
  }

  /** Whether the state at this revision can still be told. */
  knows(revision: number): boolean {
    return revision >= this.forgotten;
  }

  /** Only for the storage: everything else goes through `Storage.commit`. */
  put(change: Change): void {
    const { key } = change.entry;
    if (change.type !== "MODIFIED") this.sorted = null;
    if (change.type === "DELETED") this.entries.delete(key);
    else this.entries.set(key, change.entry);
    this.history.push(change);
    // Cut in halves, so that the cost per change stays constant.
    if (this.history.length > 2 * this.historyLimit) {
      const cut = this.history.length - this.historyLimit;
      this.forgotten = (this.history[cut - 1] as Change).revision;
      this.history = this.history.slice(cut);
    }
    for (const listener of this.listeners) listener();
  }

  /** Only for loading: no history, nobody told. */
  restore(entry: Entry | null, key: string): void {
    if (entry === null) this.entries.delete(key);
    else this.entries.set(key, entry);
    this.sorted = null;
  }

  /** Only for loading: what came before is not known. */
  forget(revision: number): void {
    this.forgotten = revision;
  }

  private keys(): string[] {
    this.sorted ??= [...this.entries.keys()].sort();
    return this.sorted;
  }

  /** Keys changed after the revision, with what they were then. */
  private rewind(revision: number): Map<string, Entry | null> {
    const past = new Map<string, Entry | null>();
    for (let i = this.history.length - 1; i >= 0; i -= 1) {
      const change = this.history[i] as Change;
      if (change.revision <= revision) break;
      past.set(change.entry.key, change.previous);
    }
    return past;
  }

  private indexAfter(revision: number): number {
    let low = 0;
    let high = this.history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.history[middle] as Change).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where committed changes go before anybody is told of them. */
export interface Journal {
  write(collection: string, key: string, revision: number, object: Buffer | null): void;
}

/** Every object of the cluster in memory, under one counter of revisions. */
export class Storage {
  private readonly collections = new Map<string, Collection>();
  private readonly historyLimit: number;
  private readonly followers = new Set<(collection: Collection, change: Change) => void>();
  private journal: Journal | null = null;
  private counter = 1;
  /** What happened before this revision only a journal knew. */
  private floor = 0;

  /** @param historyLimit changes kept per collection, at least; up to twice as many */
  constructor(historyLimit: number) {
    this.historyLimit = historyLimit;
  }

  /** The newest revision: the resourceVersion of a list made now. */
  get revision(): number {
    return this.counter;
  }

  collection(name: string): Collection {
    let found = this.collections.get(name);
    if (!found) {
      found = new Collection(name, this.historyLimit, this.floor);
      this.collections.set(name, found);
    }
    return found;
  }

  all(): IterableIterator<Collection> {
    return this.collections.values();
  }

  /**
   * Writes the object (or removes it, for null) under the next revision, which it gets as its
   * resourceVersion. The caller has checked that the write is allowed.
   * @throws ApiError 413 for an object of more than `maxBytes`
   */
  commit(collection: Collection, key: string, object: JsonObject | null, maxBytes = Infinity): Change {
    const previous = collection.get(key) ?? null;
    const base = object ?? previous?.object;
    if (!base) throw new Error(`nothing to remove at ${collection.name} ${key}`);
    const revision = this.counter + 1;
    const metadata = { ...(base.metadata as JsonObject), resourceVersion: String(revision) };
    const entry = new Entry(key, revision, { ...base, metadata });
    if (maxBytes !== Infinity && entry.json.length > maxBytes) throw tooLarge(maxBytes);
    this.journal?.write(collection.name, key, revision, object === null ? null : entry.json);
    this.counter = revision;
    const type = object === null ? "DELETED" : previous === null ? "ADDED" : "MODIFIED";
    const change: Change = { revision, type, entry, previous };
    for (const follower of this.followers) follower(collection, change);
    collection.put(change);
    return change;
  }

  /** Keeps state that is derived from the objects: told of every change before any watcher is. */
  follow(follower: (collection: Collection, change: Change) => void): void {
    this.followers.add(follower);
  }

  /** The storage has been filled from this journal; from now on it is written to. */
  attach(journal: Journal): void {
    this.floor = this.counter;
    for (const collection of this.collections.values()) collection.forget(this.floor);
    this.journal = journal;
  }

  /** One line of a journal, in order. */
  restore(collection: string, key: string, revision: number, object: JsonObject | null): void {
    this.collection(collection).restore(object === null ? null : new Entry(key, revision, object), key);
    this.counter = Math.max(this.counter, revision);
  }

  /** Keeps the counter from going back when the newest write was a removal. */
  advance(revision: number): void {
    this.counter = Math.max(this.counter, revision);
  }
}
