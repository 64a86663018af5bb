import type { BgpEvent, Instant } from "./events.ts";

export interface RecordedEvent {
  readonly at: Instant;
  readonly event: BgpEvent;
}

/** Octets of a `received` event that are kept; what a router sends to one that only announces is short. */
const MAX_OCTETS = 4096;

/**
 * The last events, in a ring of fixed size. Secrets are taken out before they go in, and octets are
 * copied: a view would keep the whole buffer of the socket alive.
 */
export class EventRing {
  private readonly slots: RecordedEvent[] = [];
  private readonly size: number;
  private next = 0;

  constructor(size: number) {
    this.size = size;
  }

  add(event: BgpEvent, at: Instant): void {
    // Routes are the bulk, and can be had from the plan.
    if (this.size === 0 || event.kind === "routes") return;
    this.slots[this.next] = { at, event: recordable(event) };
    this.next = (this.next + 1) % this.size;
  }

  /** Oldest first. */
  list(): readonly RecordedEvent[] {
    return this.slots.length < this.size
      ? [...this.slots]
      : [...this.slots.slice(this.next), ...this.slots.slice(0, this.next)];
  }
}

function recordable(event: BgpEvent): BgpEvent {
  switch (event.kind) {
    case "peer-set":
      return event.settings.password === null ? event : { ...event, settings: { ...event.settings, password: "***" } };
    case "received":
      return { ...event, bytes: event.bytes.slice(0, MAX_OCTETS) };
    default:
      return event;
  }
}
