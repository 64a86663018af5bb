import type { BgpEvent, Instant } from "./events.ts";

/** One event with all that a replay needs to do it again. */
export interface RecordedEvent {
  /** Counts events from 1: a dump that begins with 1 replays exactly. */
  readonly number: number;
  readonly at: Instant;
  readonly event: BgpEvent;
  /** What chance said while it was handled, in order. */
  readonly random: readonly number[];
  /** Octets or prefixes that were left out of the event, for their size; 0: it is whole. */
  readonly leftOut: number;
}

/** Octets of a `received` event that are kept; what a router sends to one that only announces is short. */
const MAX_OCTETS = 4096;
/** Prefixes that the ring holds in all, so that it keeps no table alive: about 2 MB. */
const MAX_PREFIXES = 10_000;

/**
 * The last events, in a ring of fixed size. Secrets are taken out before they go in, and octets are
 * copied: a view would keep the whole buffer of the socket alive.
 */
export class EventRing {
  /** By their numbers, of which the first is the oldest that is kept. */
  private readonly events = new Map<number, RecordedEvent & { readonly random: number[] }>();
  private readonly size: number;
  private first = 1;
  private last = 0;
  private prefixes = 0;

  constructor(size: number) {
    this.size = size;
  }

  add(event: BgpEvent, at: Instant): void {
    const { event: recorded, leftOut } = recordable(event);
    const number = ++this.last;
    this.events.set(number, { number, at, event: recorded, random: [], leftOut });
    this.prefixes += prefixesOf(recorded);
    while (this.events.size > this.size || this.prefixes > MAX_PREFIXES) this.drop();
  }

  /** What chance said to the latest event. */
  drew(value: number): void {
    this.events.get(this.last)?.random.push(value);
  }

  /** Oldest first. */
  list(): readonly RecordedEvent[] {
    return [...this.events.values()];
  }

  private drop(): void {
    const { event } = this.events.get(this.first) as RecordedEvent;
    this.prefixes -= prefixesOf(event);
    this.events.delete(this.first++);
  }
}

const prefixesOf = (event: BgpEvent): number =>
  event.kind === "routes" ? event.change.announce.length + event.change.withdraw.length : 0;

function recordable(event: BgpEvent): { readonly event: BgpEvent; readonly leftOut: number } {
  switch (event.kind) {
    case "peer-set":
      return {
        event:
          event.settings.password === null ? event : { ...event, settings: { ...event.settings, password: "***" } },
        leftOut: 0,
      };
    case "received":
      return {
        event: { ...event, bytes: event.bytes.slice(0, MAX_OCTETS) },
        leftOut: Math.max(0, event.bytes.length - MAX_OCTETS),
      };
    case "routes": {
      const { table, announce, withdraw } = event.change;
      if (prefixesOf(event) <= MAX_PREFIXES) return { event, leftOut: 0 };
      return {
        event: { kind: "routes", change: { table, announce: [], withdraw: [] } },
        leftOut: announce.length + withdraw.length,
      };
    }
    default:
      return { event, leftOut: 0 };
  }
}
