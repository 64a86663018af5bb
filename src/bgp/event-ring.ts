import type { BgpEvent, Instant } from "./events.ts";

export interface RecordedEvent {
  readonly at: Instant;
  readonly event: BgpEvent;
}

/** The last events, in a ring of fixed size. Secrets are taken out before they go in. */
export class EventRing {
  private readonly slots: RecordedEvent[] = [];
  private readonly size: number;
  private next = 0;

  constructor(size: number) {
    this.size = size;
  }

  add(event: BgpEvent, at: Instant): void {
    // Routes are the bulk and can be had from the plan; `time` says nothing that its instant does not.
    if (this.size === 0 || event.kind === "routes") return;
    this.slots[this.next] = { at, event: withoutSecrets(event) };
    this.next = (this.next + 1) % this.size;
  }

  list(): readonly RecordedEvent[] {
    return this.slots.length < this.size
      ? [...this.slots]
      : [...this.slots.slice(this.next), ...this.slots.slice(0, this.next)];
  }
}

const withoutSecrets = (event: BgpEvent): BgpEvent =>
  event.kind === "peer-set" && event.settings.password !== null
    ? { ...event, settings: { ...event.settings, password: "***" } }
    : event;
