/** Gives the keys under which an object is found again; none leaves it out of the index. */
export type IndexFunction<T> = (object: T) => Iterable<string>;

/**
 * The projected objects of one kind by key, with secondary indexes kept by difference. Reading never
 * copies. Changes reach listeners as the set of keys that differ since they last looked.
 */
export class Store<T> implements ReadonlyMap<string, T> {
  private readonly objects = new Map<string, T>();
  private readonly indexes = new Map<
    string,
    { readonly of: IndexFunction<T>; readonly keys: Map<string, Set<string>> }
  >();
  private readonly same: (a: T, b: T) => boolean;

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}, same: (a: T, b: T) => boolean = Object.is) {
    for (const [name, of] of Object.entries(indexes)) this.indexes.set(name, { of, keys: new Map() });
    this.same = same;
  }

  /** Puts or, with undefined, removes. True when that made a difference. */
  set(key: string, object: T | undefined): boolean {
    const before = this.objects.get(key);
    if (before === undefined && object === undefined) return false;
    if (before !== undefined && object !== undefined && this.same(before, object)) {
      this.objects.set(key, object);
      return false;
    }
    for (const index of this.indexes.values()) {
      if (before !== undefined) for (const value of index.of(before)) this.unlink(index.keys, value, key);
      if (object !== undefined) for (const value of index.of(object)) link(index.keys, value, key);
    }
    if (object === undefined) this.objects.delete(key);
    else this.objects.set(key, object);
    return true;
  }

  private unlink(keys: Map<string, Set<string>>, value: string, key: string): void {
    const set = keys.get(value);
    set?.delete(key);
    if (set?.size === 0) keys.delete(value);
  }

  /** The objects that the named index has under the value. */
  *by(index: string, value: string): Generator<T, undefined> {
    for (const key of this.indexes.get(index)?.keys.get(value) ?? []) {
      const object = this.objects.get(key);
      if (object !== undefined) yield object;
    }
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  has(key: string): boolean {
    return this.objects.has(key);
  }

  get size(): number {
    return this.objects.size;
  }

  keys(): MapIterator<string> {
    return this.objects.keys();
  }

  values(): MapIterator<T> {
    return this.objects.values();
  }

  entries(): MapIterator<[string, T]> {
    return this.objects.entries();
  }

  [Symbol.iterator](): MapIterator<[string, T]> {
    return this.objects.entries();
  }

  forEach(callback: (object: T, key: string, map: ReadonlyMap<string, T>) => void): void {
    for (const [key, object] of this.objects) callback(object, key, this);
  }
}

function link(keys: Map<string, Set<string>>, value: string, key: string): void {
  const set = keys.get(value);
  if (set) set.add(key);
  else keys.set(value, new Set([key]));
}
