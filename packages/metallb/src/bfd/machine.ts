import { type Digest, Guard } from "./authentication.ts";
import { EchoFunction } from "./echo.ts";
import { type BfdCounters, type BfdEffect, type BfdEvent, type BfdReport, type Instant, noCounts } from "./events.ts";
import { pace } from "./pace.ts";
import { type BfdState, type ControlPacket, DIAGNOSTIC, encodeControl } from "./packet.ts";
import { REASON, remoteOf, UNKNOWN } from "./remote.ts";
import type { BfdSettings } from "./settings.ts";

/**
 * The state machine of RFC 5880 section 6.8.6: what a state becomes when the peer says that it is in
 * another. A row per state, a column per state that is received.
 */
export const NEXT: Readonly<Record<BfdState, Readonly<Record<BfdState, BfdState>>>> = {
  AdminDown: { AdminDown: "AdminDown", Down: "AdminDown", Init: "AdminDown", Up: "AdminDown" },
  Down: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Down" },
  Init: { AdminDown: "Down", Down: "Init", Init: "Up", Up: "Up" },
  Up: { AdminDown: "Down", Down: "Down", Init: "Up", Up: "Up" },
};

/** RFC 5880 section 6.8.3: while not Up at most one packet a second, milliseconds. */
const SLOW = 1_000;

/** One session (RFC 5880 section 6.8). */
export class BfdSession {
  settings: BfdSettings;
  readonly discriminator: number;
  private readonly emit: (effect: BfdEffect) => void;
  private readonly random: () => number;
  private state: BfdState = "Down";
  private diagnostic: number = DIAGNOSTIC.none;
  private remote = UNKNOWN;
  private path: BfdReport["path"] = "unknown";
  private reason = "";
  private since: Instant;
  private transmitAt: Instant | null = null;
  /** The interval that `transmitAt` was found with. */
  private scheduledBy = 0;
  private detectAt: Instant | null = null;
  /** A poll sequence runs: each packet asks for an answer (section 6.5). */
  private polling = false;
  /** The values that count until a poll sequence has ended (section 6.8.3). */
  private inEffect: { readonly transmit: number; readonly receive: number };
  private readonly guard: Guard;
  /** Why the latest packet was not taken, told once; null: it was. */
  private toldRefusal: string | null = null;
  private readonly echo: EchoFunction;
  /** What the shell can do about echo packets. */
  private echoing = { sends: false, returns: false };
  private lastSent: Instant = Number.NEGATIVE_INFINITY;
  /** By how much the latest packet was sent later than meant, milliseconds. */
  private late = 0;
  private readonly count = noCounts();

  constructor(
    settings: BfdSettings,
    discriminator: number,
    ports: { readonly emit: (effect: BfdEffect) => void; readonly random: () => number; readonly digest: Digest },
    now: Instant,
  ) {
    this.settings = settings;
    this.discriminator = discriminator;
    this.emit = ports.emit;
    this.random = ports.random;
    this.since = now;
    this.guard = new Guard(settings.authentication, ports);
    this.echo = new EchoFunction(discriminator, ports.random);
    this.inEffect = { transmit: SLOW, receive: settings.receiveInterval };
    if (!settings.passive) this.transmitAt = now;
  }

  /** What can change in place (see `needsNewSession`): while Up by a poll sequence. */
  change(settings: BfdSettings, now: Instant): void {
    const told = settings.users.join() !== this.settings.users.join();
    this.settings = settings;
    // Those who are new are to know, too.
    if (told) this.emit({ kind: "session", report: this.report() });
    if (this.state === "Up") this.poll();
    else this.inEffect = { ...this.inEffect, receive: settings.receiveInterval };
    this.schedule(now);
  }

  /** RFC 5880 section 6.8.6: authentication is checked before anything else of the packet counts. */
  accepts(packet: ControlPacket, bytes: Uint8Array, now: Instant): boolean {
    const refusal = this.guard.refusal(packet, bytes, now);
    if (refusal !== null && refusal !== this.toldRefusal)
      this.emit({ kind: "log", level: "warn", session: this.settings.name, message: refusal });
    this.toldRefusal = refusal;
    return refusal === null;
  }

  received(packet: ControlPacket, now: Instant): void {
    this.count.controlPacketsInput++;
    this.remote = remoteOf(packet);
    if (packet.final && this.polling) this.polled();
    const next = NEXT[this.state][packet.state];
    if (next !== this.state) this.enter(next, DIAGNOSTIC.neighborSignaledDown, now, packet.state === "AdminDown");
    this.detectAt = now + this.detectionTime;
    this.guard.heardAt(now, this.detectionTime);
    this.runEcho(now);
    if (packet.poll) this.send(now, true);
    this.schedule(now);
  }

  time(now: Instant): void {
    if (this.detectAt !== null && this.detectAt <= now) {
      this.detectAt = null;
      // Section 6.8.1: whoever comes next may have another discriminator.
      this.remote = { ...UNKNOWN, requiredMinRx: this.remote.requiredMinRx };
      if (this.state === "Init" || this.state === "Up") this.enter("Down", DIAGNOSTIC.detectionTimeExpired, now, false);
      this.schedule(now);
    }
    if (this.echo.hasFailed(now)) {
      this.enter("Down", DIAGNOSTIC.echoFailed, now, false);
      this.schedule(now);
    }
    const bytes = this.echo.due(now);
    if (bytes) {
      this.count.echoPacketsOutput++;
      this.emit({ kind: "echo", session: this.settings.name, bytes });
    }
    if (this.transmitAt !== null && this.transmitAt <= now) {
      const late = now - this.transmitAt;
      this.send(now, false);
      this.late = late;
      this.schedule(now);
    }
  }

  echoReady({ sends, returns }: Extract<BfdEvent, { kind: "echo-ready" }>, now: Instant): void {
    this.echoing = { sends, returns };
    this.runEcho(now);
    if (this.state === "Up") this.poll();
    this.schedule(now);
  }

  echoReturned(bytes: Uint8Array, now: Instant): void {
    if (this.echo.returned(bytes, this.settings.detectMultiplier, now)) this.count.echoPacketsInput++;
  }

  /** RFC 5880 section 6.8.9: while Up, and no more often than the peer sends them back. */
  private runEcho(now: Instant): void {
    const { echoInterval, detectMultiplier } = this.settings;
    const { requiredMinEchoRx } = this.remote;
    if (this.state !== "Up" || echoInterval === null || requiredMinEchoRx === 0 || !this.echoing.sends)
      return this.echo.stop();
    const was = this.echo.isRunning;
    const interval = Math.max(echoInterval, requiredMinEchoRx);
    // The first may be away as long as control packets, which have just proved the path.
    this.echo.run(interval, Math.max(detectMultiplier * interval, SLOW), now);
    if (!was) this.poll();
  }

  /** Section 6.8.3: echo packets test the path, and control packets are slow meanwhile. */
  private get receiveInterval(): number {
    return this.echo.isRunning ? Math.max(SLOW, this.settings.receiveInterval) : this.settings.receiveInterval;
  }

  /** Tells the peer that the session ends on purpose. */
  end(now: Instant): void {
    this.state = "AdminDown";
    this.diagnostic = DIAGNOSTIC.administrativelyDown;
    this.polling = false;
    if (!this.settings.passive || this.remote.discriminator !== 0) this.send(now, false);
    this.transmitAt = null;
    this.detectAt = null;
  }

  get nextTimer(): Instant | null {
    let next: Instant | null = null;
    for (const at of [this.detectAt, this.transmitAt, this.echo.nextTimer])
      if (at !== null && (next === null || at < next)) next = at;
    return next;
  }

  report(): BfdReport {
    const up = this.state === "Up";
    const { name, users, remote, interface: on, vrf, multihop } = this.settings;
    return {
      session: name,
      users,
      remote,
      interface: on,
      vrf,
      multihop,
      state: this.state,
      since: this.since,
      reason: this.reason,
      path: this.path,
      transmitInterval: up ? this.interval : null,
      detectionTime: up ? this.detectionTime : null,
    };
  }

  counters(): BfdCounters {
    return { session: this.settings.name, up: this.state === "Up", ...this.count };
  }

  private enter(state: BfdState, diagnostic: number, now: Instant, onPurpose: boolean): void {
    const { name } = this.settings;
    const wasUp = this.state === "Up";
    this.state = state;
    this.since = now;
    if (state === "Up") {
      this.diagnostic = DIAGNOSTIC.none;
      this.path = "up";
      this.count.upEvents++;
      this.emit({ kind: "log", level: "info", session: name, message: "BFD session up" });
      // From the slow start to what is configured (section 6.8.3).
      this.poll();
    } else if (state === "Down") {
      this.diagnostic = diagnostic;
      this.polling = false;
      this.echo.stop();
      this.inEffect = { transmit: SLOW, receive: this.settings.receiveInterval };
      this.reason = onPurpose ? "the peer ended it on purpose" : (REASON[diagnostic] ?? `diagnostic ${diagnostic}`);
      if (wasUp) {
        this.path = onPurpose ? "unknown" : "down";
        this.count.downEvents++;
        this.emit({ kind: "log", level: "warn", session: name, message: `BFD session down: ${this.reason}` });
      }
    }
    this.emit({ kind: "session", report: this.report() });
    if (state === "Init") return;
    this.send(now, false);
    this.schedule(now);
  }

  /** Starts to ask for an answer, after which the configured values count. */
  private poll(): void {
    this.polling = true;
    // What makes the peer's or our own waiting longer counts at once, what makes it shorter after the answer.
    this.inEffect = {
      transmit: Math.min(this.inEffect.transmit, this.settings.transmitInterval),
      receive: Math.max(this.inEffect.receive, this.receiveInterval),
    };
  }

  private polled(): void {
    this.polling = false;
    this.inEffect = { transmit: this.settings.transmitInterval, receive: this.receiveInterval };
  }

  /** Milliseconds between our packets, before jitter (section 6.8.2). */
  private get interval(): number {
    return Math.max(this.inEffect.transmit, this.remote.requiredMinRx);
  }

  /** Milliseconds (section 6.8.4). */
  private get detectionTime(): number {
    return this.remote.detectMultiplier * Math.max(this.inEffect.receive, this.remote.desiredMinTx);
  }

  /**
   * When the next packet is due (section 6.8.7), asked anew whenever something that it depends on may have
   * changed: a peer that waits for less than we meant to would take us for dead.
   */
  private schedule(now: Instant): void {
    const silent =
      this.remote.requiredMinRx === 0 ||
      (this.settings.passive && this.remote.discriminator === 0) ||
      (this.remote.demand && this.state === "Up" && this.remote.state === "Up" && !this.polling);
    if (silent) {
      this.transmitAt = null;
      return;
    }
    if (this.transmitAt !== null && this.interval === this.scheduledBy) return;
    this.scheduledBy = this.interval;
    const gap = pace(this.interval, this.settings.detectMultiplier, this.late, this.random());
    this.transmitAt = Math.max(now, this.lastSent + gap);
  }

  private send(now: Instant, final: boolean): void {
    this.count.controlPacketsOutput++;
    this.lastSent = now;
    this.late = 0;
    if (!final) this.transmitAt = null;
    const { name, transmitInterval, detectMultiplier, echoInterval } = this.settings;
    // Section 6.8.3: not Up is never faster than one packet a second.
    const desired = this.state === "Up" ? transmitInterval : Math.max(SLOW, transmitInterval);
    const bytes = encodeControl({
      diagnostic: this.diagnostic,
      state: this.state,
      // A packet never has both (section 6.5).
      poll: this.polling && !final,
      final,
      controlPlaneIndependent: false,
      authenticated: false,
      demand: false,
      detectMultiplier,
      myDiscriminator: this.discriminator,
      yourDiscriminator: this.remote.discriminator,
      desiredMinTx: desired * 1000,
      requiredMinRx: this.receiveInterval * 1000,
      requiredMinEchoRx: this.echoing.returns ? (echoInterval ?? 0) * 1000 : 0,
    });
    this.emit({ kind: "send", session: name, bytes: this.guard.sign(bytes) });
  }
}
