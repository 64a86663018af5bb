import { formatIp, type Ip } from "#net";
import type { Digest } from "./authentication.ts";
import { echoDiscriminator } from "./echo.ts";
import type { BfdCounters, BfdEffect, BfdEvent, BfdReport, Instant } from "./events.ts";
import { BfdSession } from "./machine.ts";
import { type ControlPacket, decodeControl } from "./packet.ts";
import { type BfdSettings, needsNewSession } from "./settings.ts";

/** BFD without sockets or clock (RFC 5880, 5881, 5883). */
export interface BfdEngine {
  /** Takes one event at a time that never goes back; gives what is to be done, in order. Never throws. */
  step(event: BfdEvent, now: Instant): readonly BfdEffect[];
  reports(): readonly BfdReport[];
  counters(): readonly BfdCounters[];
}

export interface BfdOptions {
  /** 0 to 1: spreads packets and chooses discriminators. */
  readonly random: () => number;
  /** For sessions with authentication. */
  readonly digest: Digest;
}

export const createBfdEngine = (options: BfdOptions): BfdEngine => new Engine(options);

class Engine implements BfdEngine {
  private readonly options: BfdOptions;
  private readonly sessions = new Map<string, BfdSession>();
  private readonly byDiscriminator = new Map<number, BfdSession>();
  /** For packets that name no session yet: by who sent them. */
  private readonly byPlace = new Map<string, BfdSession>();
  private effects: BfdEffect[] = [];
  private wakeAt: Instant | null = null;

  constructor(options: BfdOptions) {
    this.options = options;
  }

  step(event: BfdEvent, now: Instant): readonly BfdEffect[] {
    this.effects = [];
    const touched = this.handle(event, now);
    let next = event.kind === "time" ? null : this.wakeAt;
    for (const { nextTimer } of touched)
      if (nextTimer !== null && (next === null || nextTimer < next)) next = nextTimer;
    if (next !== null && (event.kind === "time" || next !== this.wakeAt)) this.effects.push({ kind: "wake", at: next });
    this.wakeAt = next;
    return this.effects;
  }

  reports(): readonly BfdReport[] {
    return [...this.sessions.values()].map((session) => session.report());
  }

  counters(): readonly BfdCounters[] {
    return [...this.sessions.values()].map((session) => session.counters());
  }

  /** Gives the sessions whose timers may have changed. */
  private handle(event: BfdEvent, now: Instant): Iterable<BfdSession> {
    switch (event.kind) {
      case "session-set":
        return [this.set(event.settings, now)];
      case "session-removed":
        this.remove(event.session, now);
        return [];
      case "received":
        return this.received(event, now);
      case "echo-ready": {
        const session = this.sessions.get(event.session);
        session?.echoReady(event, now);
        return session ? [session] : [];
      }
      case "echo-returned": {
        const session = this.byDiscriminator.get(echoDiscriminator(event.bytes) ?? 0);
        session?.echoReturned(event.bytes, now);
        return session ? [session] : [];
      }
      case "time":
        for (const session of this.sessions.values())
          if ((session.nextTimer ?? Number.POSITIVE_INFINITY) <= now) session.time(now);
        return this.sessions.values();
      case "shutdown":
        for (const name of [...this.sessions.keys()]) this.remove(name, now);
        return [];
    }
  }

  private set(settings: BfdSettings, now: Instant): BfdSession {
    const known = this.sessions.get(settings.name);
    if (known && !needsNewSession(known.settings, settings)) {
      known.change(settings, now);
      return known;
    }
    this.remove(settings.name, now);
    const session = new BfdSession(
      settings,
      this.freeDiscriminator(),
      { ...this.options, emit: (effect) => this.effects.push(effect) },
      now,
    );
    this.sessions.set(settings.name, session);
    this.byDiscriminator.set(session.discriminator, session);
    this.byPlace.set(placeOf(settings.remote, settings.interface, settings.multihop), session);
    this.effects.push({ kind: "open", settings });
    return session;
  }

  private remove(name: string, now: Instant): void {
    const session = this.sessions.get(name);
    if (!session) return;
    session.end(now);
    const { remote, interface: on, multihop } = session.settings;
    const place = placeOf(remote, on, multihop);
    this.sessions.delete(name);
    this.byDiscriminator.delete(session.discriminator);
    if (this.byPlace.get(place) === session) this.byPlace.delete(place);
    this.effects.push({ kind: "close", session: name });
  }

  /** RFC 5880 section 6.8.6; what it says to discard is discarded without a word: anybody may send it. */
  private received(event: Extract<BfdEvent, { kind: "received" }>, now: Instant): readonly BfdSession[] {
    const packet = decodeControl(event.bytes);
    if (!packet.ok) return [];
    const session = this.sessionOf(packet.value, event);
    if (!session?.accepts(packet.value, event.bytes, now)) return [];
    session.received(packet.value, now);
    return [session];
  }

  private sessionOf(
    { yourDiscriminator }: ControlPacket,
    { from, interface: on, multihop }: Extract<BfdEvent, { kind: "received" }>,
  ): BfdSession | undefined {
    const byPlace = this.byPlace.get(placeOf(from, on, multihop));
    if (yourDiscriminator === 0) return byPlace;
    const session = this.byDiscriminator.get(yourDiscriminator);
    // Who guesses the number must also come from the right place.
    return session &&
      placeOf(session.settings.remote, session.settings.interface, session.settings.multihop) ===
        placeOf(from, on, multihop)
      ? session
      : undefined;
  }

  /** Not 0, not in use, and not to be foreseen. */
  private freeDiscriminator(): number {
    let discriminator = Math.floor(this.options.random() * 0xffff_ffff) + 1;
    while (this.byDiscriminator.has(discriminator)) discriminator = (discriminator % 0xffff_ffff) + 1;
    return discriminator;
  }
}

const placeOf = (address: Ip, on: string | null, multihop: boolean): string =>
  `${formatIp(address)}%${on ?? ""} ${multihop}`;
