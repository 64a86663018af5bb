import { type BgpEffect, type BgpEvent, type ConnectionId, createBgpEngine, type Instant } from "#bgp";
import type { openTcp, TcpConnection } from "#sys";
import type { Telling, ToEngines } from "./thread-protocol.ts";

/** What the host reaches the outside through. */
export interface HostPorts {
  now(): Instant;
  random(): number;
  /** Calls back after so many milliseconds; the earlier wish is replaced. Null: never. */
  wakeAfter(milliseconds: number | null, wake: () => void): void;
  readonly openTcp: typeof openTcp;
  tell(telling: Telling): void;
  /** Every goodbye is said. */
  stopped(): void;
}

/** How long goodbyes may take to leave, milliseconds. */
const FAREWELL = 300;
const COUNTERS_EVERY = 1_000;

/** The shell around the BGP engine: performs its effects and feeds back what comes of them. */
export class EngineHost {
  readonly #ports: HostPorts;
  readonly #engine: ReturnType<typeof createBgpEngine>;
  readonly #connections = new Map<ConnectionId, TcpConnection>();
  #countersAt: Instant = Number.NEGATIVE_INFINITY;

  constructor(ports: HostPorts) {
    this.#ports = ports;
    this.#engine = createBgpEngine({ random: () => ports.random() });
  }

  receive(message: Exclude<ToEngines, { kind: "heard" }>): void {
    if (message.kind === "shutdown") return this.#shutdown(message.text);
    const { sequence, routes, peersSet, peersRemoved, routesAfter, fallbackRouterId } = message;
    for (const change of routes) this.#step({ kind: "routes", change });
    for (const settings of peersSet) this.#step({ kind: "peer-set", settings, fallbackRouterId });
    for (const peer of peersRemoved) this.#step({ kind: "peer-removed", peer });
    for (const change of routesAfter) this.#step({ kind: "routes", change });
    this.#ports.tell({ kind: "applied", sequence });
  }

  #shutdown(text: string): void {
    this.#step({ kind: "shutdown", text });
    this.#tellCounters();
    this.#ports.wakeAfter(this.#connections.size === 0 ? 0 : FAREWELL, () => this.#ports.stopped());
  }

  #step(event: BgpEvent): void {
    const now = this.#ports.now();
    for (const effect of this.#engine.step(event, now)) this.#perform(effect, now);
    if (now - this.#countersAt >= COUNTERS_EVERY) this.#tellCounters();
  }

  #tellCounters(): void {
    this.#countersAt = this.#ports.now();
    this.#ports.tell({ kind: "counters", counters: this.#engine.counters() });
  }

  #perform(effect: BgpEffect, now: Instant): void {
    switch (effect.kind) {
      case "connect":
        return this.#connect(effect.connection, effect.settings);
      case "send":
        return this.#connections.get(effect.connection)?.send(effect.chunks);
      case "close":
        this.#connections.get(effect.connection)?.close();
        this.#connections.delete(effect.connection);
        return;
      case "wake":
        return this.#ports.wakeAfter(effect.at === null ? null : Math.max(0, effect.at - now), () =>
          this.#step({ kind: "time" }),
        );
      case "session":
        this.#ports.tell({ kind: "session", report: effect.report });
        return this.#tellCounters();
      case "log":
        this.#ports.tell({ kind: "log", level: effect.level, peer: effect.peer, message: effect.message });
    }
  }

  #connect(
    connection: ConnectionId,
    { address, port, sourceAddress, interface: name, password }: Extract<BgpEffect, { kind: "connect" }>["settings"],
  ): void {
    let stood = false;
    const opened = this.#ports.openTcp(
      { address, port, sourceAddress, interface: name, password },
      {
        connected: (local, remote) => {
          stood = true;
          this.#step({ kind: "connected", connection, local, remote });
        },
        received: (bytes) => this.#step({ kind: "received", connection, bytes }),
        drained: () => this.#step({ kind: "drained", connection }),
        failed: (reason) => {
          this.#connections.delete(connection);
          this.#step({ kind: stood ? "closed" : "connect-failed", connection, reason });
        },
      },
    );
    this.#connections.set(connection, opened);
  }
}
