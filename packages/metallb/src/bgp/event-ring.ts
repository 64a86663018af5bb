import type { BgpEvent, Instant } from "./events.ts";
import type { PeerSettings } from "./settings.ts";

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

/** Instead of a secret. */
const HIDDEN = "***";

const GONE = { number: 0, at: 0, event: { kind: "time" }, random: [] as number[], leftOut: 0 } as const;

/**
 * The last events, in a ring of fixed size. Secrets are taken out before they go in, and octets are
 * copied: a view would keep the whole buffer of the socket alive.
 */
export class EventRing {
  private readonly slots: (RecordedEvent & { readonly random: number[] })[] = [];
  private readonly size: number;
  private first = 0;
  private prefixes = 0;
  private count = 0;

  constructor(size: number) {
    this.size = size;
  }

  add(event: BgpEvent, at: Instant): void {
    this.count++;
    if (this.size === 0) return;
    const { event: recorded, leftOut } = recordable(event);
    this.slots.push({ number: this.count, at, event: recorded, random: [], leftOut });
    this.prefixes += prefixesOf(recorded);
    while (this.slots.length - this.first > this.size || this.prefixes > MAX_PREFIXES) this.drop();
  }

  /** What chance said to the latest event. */
  drew(value: number): void {
    this.slots.at(-1)?.random.push(value);
  }

  /** Oldest first. */
  list(): readonly RecordedEvent[] {
    return this.slots.slice(this.first);
  }

  private drop(): void {
    const oldest = this.slots[this.first] as RecordedEvent;
    this.prefixes -= prefixesOf(oldest.event);
    // The slot stays for a while, its routes must not.
    this.slots[this.first] = GONE;
    this.first++;
    // Now and then, so that each event costs the same.
    if (this.first < this.size) return;
    this.slots.splice(0, this.first);
    this.first = 0;
  }
}

const prefixesOf = (event: BgpEvent): number =>
  event.kind === "routes" ? event.change.announce.length + event.change.withdraw.length : 0;

function withoutSecrets(settings: PeerSettings): PeerSettings {
  const { password, bfd } = settings;
  if (password === null && !bfd?.authentication) return settings;
  return {
    ...settings,
    password: password === null ? null : HIDDEN,
    bfd: bfd && { ...bfd, authentication: bfd.authentication && { ...bfd.authentication, key: HIDDEN } },
  };
}

function recordable(event: BgpEvent): { readonly event: BgpEvent; readonly leftOut: number } {
  switch (event.kind) {
    case "peer-set":
      return { event: { ...event, settings: withoutSecrets(event.settings) }, leftOut: 0 };
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
