import {
  createGossipEngine,
  encodeMeta,
  type GossipConfig,
  type GossipEvent,
  LAN,
  type MemberReport,
} from "metallb/gossip";
import { type Ip, parseIp } from "metallb/net";
import { createGossipCipher, GossipSockets } from "metallb/sys";

export const ipOf = (text: string): Ip => {
  const read = parseIp(text);
  if (!read.ok) throw new Error(read.error);
  return read.value;
};

/** Our gossip engine on loopback. */
export class OurMember {
  readonly told: MemberReport[] = [];
  private readonly engine;
  private readonly name: string;
  private sockets: GossipSockets | null = null;
  private timer: NodeJS.Timeout | null = null;
  private waiting: (() => void)[] = [];

  static async start(
    name: string,
    at: { readonly address: string; readonly port: number },
    key: Uint8Array | null,
    config: Partial<GossipConfig> = {},
  ): Promise<OurMember> {
    const member = new OurMember(name, at.port, key, { ...LAN, ...config });
    await member.open({ address: ipOf(at.address), port: at.port }, key, { ...LAN, ...config });
    return member;
  }

  private constructor(name: string, port: number, key: Uint8Array | null, config: GossipConfig) {
    this.name = name;
    const cipher = key === null ? null : createGossipCipher(key);
    this.engine = createGossipEngine({ name, random: Math.random, cipher, config, port, meta: encodeMeta([]) });
  }

  private async open(
    at: { readonly address: Ip; readonly port: number },
    key: Uint8Array | null,
    config: GossipConfig,
  ) {
    const cipher = key === null ? null : createGossipCipher(key);
    this.sockets = await GossipSockets.open(
      at,
      { cipher, compress: config.enableCompression },
      {
        datagram: (from, bytes) => this.step({ kind: "datagram", from, bytes }),
        asked: (exchange, message) => this.step({ kind: "asked", exchange, message }),
        exchanged: (exchange, answer, reason) => this.step({ kind: "exchanged", exchange, answer, reason }),
      },
    );
    this.step({ kind: "start", self: at });
  }

  step(event: GossipEvent): void {
    const { sockets } = this;
    if (sockets === null) return;
    for (const effect of this.engine.step(event, performance.now())) {
      if (effect.kind === "send") sockets.send(effect.to, effect.bytes);
      else if (effect.kind === "exchange") sockets.exchange(effect.exchange, effect.to, effect.message, effect.limit);
      else if (effect.kind === "answer") sockets.answer(effect.exchange, effect.message);
      else if (effect.kind === "member") this.told.push(effect.report);
      else if (effect.kind === "wake") this.wakeAt(effect.at);
    }
    for (const look of this.waiting.splice(0)) look();
  }

  private wakeAt(at: number | null): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer =
      at === null ? null : setTimeout(() => this.step({ kind: "time" }), Math.max(0, at - performance.now()));
  }

  /** Those that take part in elections, ourselves left out. */
  get others(): readonly string[] {
    return this.engine
      .members()
      .filter(({ name, state }) => name !== this.name && (state === "alive" || state === "suspect"))
      .map(({ name }) => name)
      .sort();
  }

  stateOf(name: string): string | undefined {
    return this.engine.members().find((member) => member.name === name)?.state;
  }

  async until(what: string, satisfies: () => boolean, limit = 10_000): Promise<void> {
    const deadline = performance.now() + limit;
    while (!satisfies()) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `${what}; members: ${JSON.stringify(this.engine.members().map(({ name, state }) => [name, state]))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async leave(): Promise<void> {
    this.step({ kind: "leave" });
    await this.sockets?.flushed();
    this.stop();
  }

  /** Without a word. */
  stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.sockets?.close();
    this.sockets = null;
  }
}
