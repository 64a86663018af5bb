import { type Ip, ip, type Prefix, prefixOf } from "#net";

/**
 * A prefix as a key of maps: for IPv4 the number address × 64 + length, for IPv6 the bigint
 * address × 256 + length.
 */
export type PrefixKey = number | bigint;

export function prefixKey(address: Ip, length: number): PrefixKey {
  const { ip: masked } = prefixOf(address, length);
  return masked.family === 4 ? Number(masked.value) * 64 + length : masked.value * 256n + BigInt(length);
}

export const lengthOfKey = (key: PrefixKey): number => (typeof key === "number" ? key % 64 : Number(key & 255n));

export const prefixOfKey = (key: PrefixKey): Prefix =>
  typeof key === "number"
    ? { ip: ip(4, BigInt(Math.floor(key / 64))), length: key % 64 }
    : { ip: ip(6, key >> 8n), length: Number(key & 255n) };

/** Ids of the classes that hold a prefix, each once. Never changes. */
export type Holders = readonly number[];

const NOBODY: Holders = [];
/** Slots of the table are doubled when so many of them are taken. */
const FULL = 0.8;
const FIRST_SLOTS = 16;
const EMPTY = -1;
/** Class of a slot whose holders are of several classes. */
const SEVERAL = 0xffffffff;

/**
 * Which classes of Services hold each prefix. There are as many prefixes as Services, and nearly all
 * have holders of one class, so those lie in flat arrays: 16 octets a slot, found by linear probing.
 */
export class PrefixHolders {
  private keys = new Float64Array(FIRST_SLOTS).fill(EMPTY);
  private classes = new Uint32Array(FIRST_SLOTS);
  private counts = new Uint32Array(FIRST_SLOTS);
  private taken = 0;
  private readonly six = new Map<bigint, Map<number, number>>();
  private readonly several = new Map<number, Map<number, number>>();
  /** The list of each class alone, made once: nearly all prefixes have it. */
  private readonly alone: (Holders | undefined)[] = [];

  /** The holders as they are now. */
  of(key: PrefixKey): Holders {
    if (typeof key === "bigint") return [...(this.six.get(key)?.keys() ?? NOBODY)];
    const slot = this.find(key);
    if (this.keys[slot] === EMPTY) return NOBODY;
    const holder = this.classes[slot] as number;
    if (holder === SEVERAL) return [...(this.several.get(key)?.keys() ?? NOBODY)];
    this.alone[holder] ??= [holder];
    return this.alone[holder];
  }

  add(key: PrefixKey, holder: number): void {
    if (typeof key === "bigint") return addTo(this.six, key, holder);
    let slot = this.find(key);
    if (this.keys[slot] === EMPTY) {
      if (this.taken + 1 > this.keys.length * FULL) {
        this.grow();
        slot = this.find(key);
      }
      this.taken++;
      this.put(slot, key, holder, 1);
    } else if (this.classes[slot] === holder) (this.counts[slot] as number)++;
    else {
      if (this.classes[slot] !== SEVERAL) {
        this.several.set(key, new Map([[this.classes[slot] as number, this.counts[slot] as number]]));
        this.classes[slot] = SEVERAL;
      }
      addTo(this.several, key, holder);
    }
  }

  remove(key: PrefixKey, holder: number): void {
    if (typeof key === "bigint") return void removeFrom(this.six, key, holder);
    const slot = this.find(key);
    if (this.keys[slot] === EMPTY) return;
    if (this.classes[slot] !== SEVERAL) {
      if (this.classes[slot] !== holder) return;
      if ((this.counts[slot] as number) > 1) this.counts[slot] = (this.counts[slot] as number) - 1;
      else this.clear(slot);
      return;
    }
    const left = removeFrom(this.several, key, holder);
    if (left.size > 1) return;
    const [[only, count] = [0, 0]] = left;
    this.several.delete(key);
    this.put(slot, key, only, count);
  }

  *prefixes(): Generator<PrefixKey> {
    for (const key of this.keys) if (key !== EMPTY) yield key;
    yield* this.six.keys();
  }

  private put(slot: number, key: number, holder: number, count: number): void {
    this.keys[slot] = key;
    this.classes[slot] = holder;
    this.counts[slot] = count;
  }

  /** The slot of the key, or the empty one where it belongs. */
  private find(key: number): number {
    const slots = this.keys.length;
    let slot = hash(key) % slots;
    while (this.keys[slot] !== key && this.keys[slot] !== EMPTY) slot = slot + 1 === slots ? 0 : slot + 1;
    return slot;
  }

  private grow(): void {
    const { keys, classes, counts } = this;
    // Half as many again: the arrays are most of what a Service costs here.
    const slots = Math.ceil(keys.length * 1.5);
    this.keys = new Float64Array(slots).fill(EMPTY);
    this.classes = new Uint32Array(slots);
    this.counts = new Uint32Array(slots);
    for (const [i, key] of keys.entries())
      if (key !== EMPTY) this.put(this.find(key), key, classes[i] as number, counts[i] as number);
  }

  /** Empties a slot and moves those behind it up that would not be found otherwise. */
  private clear(slot: number): void {
    const slots = this.keys.length;
    this.taken--;
    this.keys[slot] = EMPTY;
    let gap = slot;
    for (let at = slot + 1 === slots ? 0 : slot + 1; this.keys[at] !== EMPTY; at = at + 1 === slots ? 0 : at + 1) {
      const home = hash(this.keys[at] as number) % slots;
      // It may stay when its home lies behind the gap, going round.
      if (gap <= at ? gap < home && home <= at : gap < home || home <= at) continue;
      this.put(gap, this.keys[at] as number, this.classes[at] as number, this.counts[at] as number);
      this.keys[at] = EMPTY;
      gap = at;
    }
  }
}

/** Spreads neighbouring addresses (Knuth's multiplicative hash). */
const hash = (key: number): number => Math.imul((key / 64) ^ (key % 64), 0x9e3779b1) >>> 0;

function addTo<K>(map: Map<K, Map<number, number>>, key: K, holder: number): void {
  const holders = map.get(key);
  if (holders) holders.set(holder, (holders.get(holder) ?? 0) + 1);
  else map.set(key, new Map([[holder, 1]]));
}

function removeFrom<K>(map: Map<K, Map<number, number>>, key: K, holder: number): Map<number, number> {
  const holders = map.get(key) ?? new Map<number, number>();
  const count = holders.get(holder) ?? 0;
  if (count > 1) holders.set(holder, count - 1);
  else holders.delete(holder);
  if (holders.size === 0) map.delete(key);
  return holders;
}
