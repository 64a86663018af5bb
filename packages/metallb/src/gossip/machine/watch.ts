import { backoff, type Duration } from "#net";
import type { Instant } from "../events.ts";
import { isOurs } from "../meta.ts";
import type { WatchMessage } from "../wire/heartbeat.ts";
import type { Member } from "./member.ts";

/** A beat every 50 ms; doubt after three that are missing; silence declared after 300 ms. Milliseconds. */
const WATCH = { every: 50, doubtAfter: 160, silentAfter: 300 } as const;
/** How often one that is doubted is asked, and others are asked of it. */
const ASK_EVERY = 25;
const WITNESSES = 3;
/** A subscription is said again, and ends, after this. */
const SUBSCRIBE_EVERY = 500;
const SUBSCRIBED_FOR = 2_000;
/** Who are told that we live, at most. */
const MAX_SUBSCRIBERS = 256;
/**
 * One that came back must be heard for so long before it counts; longer each time that it was lost lately. Without
 * chance: it is no try that others make too, and it is looked at more than once.
 */
const BACK_AFTER = { first: 1_000, max: 30_000, sure: 1 };
const LATELY = 60_000;
/** We slept ourselves when our clock jumped by more than this: then silence says nothing of others. */
const ASLEEP = 100;

interface Watched {
  readonly member: Member;
  heardAt: Instant | null;
  sequence: number;
  askAt: Instant;
  subscribeAt: Instant;
  /** Heard again since then, after it was silent; null: not silent, or not heard. */
  backSince: Instant | null;
  losses: number;
  lostAt: Instant;
}

export interface WatchPorts {
  /** Some others, at random. */
  some(count: number, fits: (member: Member) => boolean): readonly Member[];
  send(to: Member, message: WatchMessage): void;
  members(): ReadonlyMap<string, Member>;
  /** `quiet`: how long nothing was heard of it; null: it counts again. */
  silent(member: Member, quiet: Duration | null, now: Instant): void;
  /** Another had taken us for silent, and does so no more. */
  welcomed(): void;
}

/**
 * Sub-second detection on top of memberlist: those who would take over a member's addresses hear its
 * heart beat. Silence alone moves nothing: the member is asked, and others are asked of it, before it
 * is declared.
 */
export class Watch {
  private readonly watched = new Map<string, Watched>();
  /** Who wants our beats, and until when. */
  private readonly subscribers = new Map<string, Instant>();
  private beatAt: Instant | null = null;
  private sequence = 0;
  private lastTime: Instant | null = null;
  private readonly ports: WatchPorts;

  constructor(ports: WatchPorts) {
    this.ports = ports;
  }

  /** Whether the member is watched, and nothing is doubtful about it. */
  hears(name: string, now: Instant): boolean {
    const watched = this.watched.get(name);
    return watched?.heardAt != null && !watched.member.silent && now - watched.heardAt < WATCH.doubtAfter;
  }

  /** The members that are watched from now on; to be said again when one of them is gone, and when it returns. */
  set(members: readonly Member[], now: Instant): void {
    const wanted = new Set(members.map(({ name }) => name));
    for (const [name, { member }] of this.watched) {
      if (wanted.has(name)) continue;
      this.watched.delete(name);
      if (member.silent) this.ports.silent(member, null, now);
    }
    for (const member of members) {
      const known = this.watched.get(member.name);
      // One that is gone is heard anew when it returns: its silence since then says nothing.
      if (known?.member === member && isWatchable(member)) continue;
      this.watched.set(member.name, {
        member,
        heardAt: null,
        sequence: -1,
        askAt: now,
        subscribeAt: now,
        backSince: null,
        losses: known?.losses ?? 0,
        lostAt: known?.lostAt ?? Number.NEGATIVE_INFINITY,
      });
    }
  }

  get nextDue(): Instant | null {
    let next = this.subscribers.size > 0 ? this.beatAt : null;
    for (const watched of this.watched.values()) {
      const at = this.dueOf(watched);
      if (at !== null && (next === null || at < next)) next = at;
    }
    return next;
  }

  private dueOf({ member, heardAt, askAt, subscribeAt, backSince, losses }: Watched): Instant | null {
    if (!isWatchable(member)) return null;
    if (heardAt === null) return subscribeAt;
    if (member.silent) return Math.min(subscribeAt, backSince === null ? subscribeAt : backSince + backAfter(losses));
    return Math.min(subscribeAt, Math.max(heardAt + WATCH.doubtAfter, askAt));
  }

  time(now: Instant): void {
    this.noticeSleep(now);
    this.beat(now);
    for (const watched of this.watched.values()) this.look(watched, now);
  }

  /** After a sleep of ours everybody who counts gets the time again in which they are asked. */
  private noticeSleep(now: Instant): void {
    const slept = this.lastTime !== null && now - this.lastTime > ASLEEP;
    this.lastTime = now;
    if (!slept) return;
    for (const watched of this.watched.values())
      if (watched.heardAt !== null && !watched.member.silent)
        watched.heardAt = Math.max(watched.heardAt, now - WATCH.doubtAfter);
  }

  private beat(now: Instant): void {
    if (this.beatAt === null || this.beatAt > now) return;
    this.beatAt = now - this.beatAt > WATCH.every ? now + WATCH.every : this.beatAt + WATCH.every;
    this.sequence = (this.sequence + 1) >>> 0;
    for (const [name, until] of this.subscribers) {
      const member = this.ports.members().get(name);
      if (until <= now || !member || member.state === "dead" || member.state === "left") this.subscribers.delete(name);
      else this.ports.send(member, { kind: "beat", sequence: this.sequence });
    }
    if (this.subscribers.size === 0) this.beatAt = null;
  }

  private look(watched: Watched, now: Instant): void {
    const { member, heardAt } = watched;
    if (!isWatchable(member)) return;
    if (watched.subscribeAt <= now) {
      watched.subscribeAt = now + SUBSCRIBE_EVERY;
      this.ports.send(member, { kind: "subscribe" });
    }
    if (heardAt === null) return;
    const quiet = now - heardAt;
    if (member.silent) return this.seeReturn(watched, quiet, now);
    if (quiet >= WATCH.silentAfter) return this.lose(watched, now);
    // As `dueOf` has it: a difference of instants may round otherwise than their sum.
    if (now < heardAt + WATCH.doubtAfter || watched.askAt > now) return;
    watched.askAt = now + ASK_EVERY;
    this.ports.send(member, { kind: "ask", node: member.name });
    for (const witness of this.witnesses(member)) this.ports.send(witness, { kind: "ask", node: member.name });
  }

  private witnesses(about: Member): readonly Member[] {
    return this.ports.some(
      WITNESSES,
      (member) => member !== about && member.state === "alive" && !member.silent && isOurs(member.meta),
    );
  }

  private lose(watched: Watched, now: Instant): void {
    watched.losses = now - watched.lostAt < LATELY ? watched.losses + 1 : 1;
    watched.lostAt = now;
    watched.backSince = null;
    this.ports.silent(watched.member, now - (watched.heardAt ?? now), now);
  }

  private seeReturn(watched: Watched, quiet: number, now: Instant): void {
    if (quiet >= WATCH.silentAfter) watched.backSince = null;
    else if (watched.backSince !== null && now >= watched.backSince + backAfter(watched.losses)) {
      this.ports.silent(watched.member, null, now);
      this.ports.send(watched.member, { kind: "welcome" });
    }
  }

  /** A message from a member: any of ours is a sign of life, but beats alone start a watch. */
  received(message: WatchMessage, from: Member, now: Instant): void {
    switch (message.kind) {
      case "subscribe":
        return this.subscribe(from, now);
      case "beat":
        return this.hear(from.name, message.sequence, now, 0);
      case "ask":
        return this.answer(message.node, from, now);
      case "welcome":
        return this.ports.welcomed();
      case "heard":
        return this.hear(message.node, null, now, message.ago);
    }
  }

  private subscribe(from: Member, now: Instant): void {
    const isNew = !this.subscribers.has(from.name);
    if (isNew && this.subscribers.size >= MAX_SUBSCRIBERS) return;
    this.subscribers.set(from.name, now + SUBSCRIBED_FOR);
    if (this.beatAt === null) this.beatAt = now;
    if (isNew) this.ports.send(from, { kind: "beat", sequence: this.sequence });
  }

  private answer(node: string, from: Member, now: Instant): void {
    const own = this.ports.members().get(node);
    if (own?.isSelf) return this.ports.send(from, { kind: "beat", sequence: this.sequence });
    const heardAt = this.watched.get(node)?.heardAt;
    const ago = heardAt == null ? null : now - heardAt;
    if (ago !== null && ago < WATCH.doubtAfter) this.ports.send(from, { kind: "heard", node, ago });
  }

  private hear(node: string, sequence: number | null, now: Instant, ago: number): void {
    const watched = this.watched.get(node);
    if (!watched || (watched.heardAt === null && sequence === null)) return;
    // One that was sent before what we have: it tells nothing new. A restart begins anew.
    if (sequence !== null && sequence < watched.sequence && watched.sequence - sequence < 1_000) return;
    if (sequence !== null) watched.sequence = sequence;
    const before = watched.heardAt ?? Number.NEGATIVE_INFINITY;
    watched.heardAt = Math.max(before, now - ago);
    if (watched.member.silent && (watched.backSince === null || now - before >= WATCH.silentAfter))
      watched.backSince = now;
  }
}

const isWatchable = ({ state, meta }: Member): boolean => (state === "alive" || state === "suspect") && isOurs(meta);

const backAfter = (losses: number): Duration => backoff(BACK_AFTER, losses, 0);
