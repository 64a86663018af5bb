import type { Instant } from "#net";

/** Events of one object that may come at once, and how often another may follow: as client-go's spam filter has it. */
const BURST = 25;
const REFILL = 300_000;
/** Different messages with one reason that are told one by one, within the window: as client-go's aggregator has it. */
const MAX_SIMILAR = 10;
const WINDOW = 600_000;
/** So many objects are remembered; the one that was quiet for longest is forgotten first. */
const MAX_OBJECTS = 4096;
const MAX_GROUPS = 1024;

/** A token bucket an object: whoever makes an object fail in a loop fills no etcd. Times in milliseconds. */
export class SpamFilter {
  private readonly buckets = new Map<string, { tokens: number; at: number }>();

  /** Whether another event of the object may be written now. */
  admits(object: string, now: Instant): boolean {
    const before = this.buckets.get(object);
    const bucket = before ?? { tokens: BURST, at: now };
    // A clock that is put back takes nothing away, or an object would be silent for as long.
    bucket.tokens = Math.min(BURST, bucket.tokens + Math.max(0, now - bucket.at) / REFILL);
    bucket.at = now;
    remember(this.buckets, object, bucket, MAX_OBJECTS);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

/** Counts different messages of one kind: beyond a number they are told as one. */
export class Similar {
  private readonly groups = new Map<string, { readonly messages: Set<string>; at: number }>();

  /** Whether the message is one of too many, and is counted on one event with the others. */
  isOneOfMany(group: string, message: string, now: Instant): boolean {
    const before = this.groups.get(group);
    const found = before && now - before.at <= WINDOW ? before : { messages: new Set<string>(), at: now };
    found.at = now;
    const known = found.messages.has(message);
    if (!known && found.messages.size < MAX_SIMILAR) found.messages.add(message);
    remember(this.groups, group, found, MAX_GROUPS);
    return !known && !found.messages.has(message);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T, limit: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > limit) map.delete(map.keys().next().value as string);
}
