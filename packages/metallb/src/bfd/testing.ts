import { createHash } from "node:crypto";
import { ip } from "#net";
import type { Digest } from "./authentication.ts";
import { createBfdEngine } from "./engine.ts";
import type { BfdEffect, BfdEvent, Instant } from "./events.ts";
import { type BfdState, type ControlPacket, decodeControl, encodeControl } from "./packet.ts";
import type { BfdSettings } from "./settings.ts";

/** The shell's hash functions. */
export const digest: Digest = (algorithm, bytes) => createHash(algorithm).update(bytes).digest();

export const PEER = ip(4, 0xc0000201n);
export const settings = (overrides: Partial<BfdSettings> = {}): BfdSettings => ({
  name: "router",
  remote: PEER,
  local: null,
  interface: null,
  vrf: null,
  multihop: false,
  minimumTtl: 254,
  receiveInterval: 50,
  transmitInterval: 50,
  detectMultiplier: 3,
  passive: false,
  echoInterval: null,
  authentication: null,
  users: ["router"],
  ...overrides,
});

/** A control packet of a session that is up. */
export const control = (overrides: Partial<ControlPacket> = {}): ControlPacket => ({
  diagnostic: 0,
  state: "Up",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  authenticated: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 1,
  yourDiscriminator: 2,
  desiredMinTx: 50_000,
  requiredMinRx: 50_000,
  requiredMinEchoRx: 0,
  ...overrides,
});

/** An engine with one session on a clock that the test moves, and what it sends. */
export class Bench {
  readonly engine;
  now: Instant = 0;
  wakeAt: Instant | null = null;
  sent: { readonly at: Instant; readonly packet: ControlPacket }[] = [];
  effects: BfdEffect[] = [];
  /** What a test writes down of the logs. */
  readonly logs: string[] = [];

  constructor(random: () => number = () => 0) {
    this.engine = createBfdEngine({ random, digest });
  }

  step(event: BfdEvent): readonly BfdEffect[] {
    const effects = this.engine.step(event, this.now);
    for (const effect of effects) {
      if (effect.kind === "wake") this.wakeAt = effect.at;
      if (effect.kind !== "send") continue;
      const packet = decodeControl(effect.bytes);
      if (packet.ok) this.sent.push({ at: this.now, packet: packet.value });
    }
    this.effects.push(...effects);
    return effects;
  }

  set(overrides: Partial<BfdSettings> = {}): void {
    this.step({ kind: "session-set", settings: settings(overrides) });
  }

  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.wakeAt !== null && this.wakeAt <= end) {
      this.now = Math.max(this.now, this.wakeAt);
      this.wakeAt = null;
      this.step({ kind: "time" });
    }
    this.now = end;
  }

  get discriminator(): number {
    return this.sent.at(-1)?.packet.myDiscriminator ?? 1;
  }

  hear(state: BfdState, overrides: Partial<ControlPacket> = {}): readonly BfdEffect[] {
    const packet = control({ state, myDiscriminator: 77, yourDiscriminator: this.discriminator, ...overrides });
    return this.step({
      kind: "received",
      bytes: encodeControl(packet),
      from: PEER,
      interface: null,
      multihop: false,
    });
  }

  get report() {
    const [report] = this.engine.reports();
    if (!report) throw new Error("no session");
    return report;
  }

  get last(): ControlPacket | undefined {
    return this.sent.at(-1)?.packet;
  }

  /** To Up, the poll sequence answered. */
  up(overrides: Partial<BfdSettings> = {}): this {
    this.set(overrides);
    this.advance(1);
    this.hear("Down", { yourDiscriminator: 0 });
    this.hear("Init");
    this.hear("Up", { final: true });
    return this;
  }
}

/** How a session comes to each state. */
export const ARRIVE: Readonly<Record<Exclude<BfdState, "AdminDown">, (bench: Bench) => void>> = {
  Down: (bench) => {
    bench.set();
    bench.advance(1);
  },
  Init: (bench) => {
    ARRIVE.Down(bench);
    bench.hear("Down", { yourDiscriminator: 0 });
  },
  Up: (bench) => {
    ARRIVE.Init(bench);
    bench.hear("Init");
  },
};
