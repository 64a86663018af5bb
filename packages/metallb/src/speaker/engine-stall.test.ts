import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_SETTINGS, type PeerSettings } from "#bgp";
import { ip } from "#net";
import type { DatedSession } from "./dated.ts";
import { EngineHost } from "./engine-host.ts";
import { ENGINES } from "./engines.ts";
import { hostPorts } from "./host-ports.ts";

/** 127.0.0.1 */
const LOOPBACK = ip(4, 0x7f000001n);

/**
 * A peer in a thread of its own, which goes on while this one is held up. It answers an OPEN with the
 * same under another identifier, then sends a KEEPALIVE every 500 ms.
 */
const PEER = `
const { createServer } = require("node:net");
const { parentPort } = require("node:worker_threads");
const KEEPALIVE = Buffer.from("ff".repeat(16) + "001304", "hex");
const server = createServer((socket) => {
  let rest = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    while (rest.length >= 19 && rest.length >= rest.readUInt16BE(16)) {
      const message = Buffer.from(rest.subarray(0, rest.readUInt16BE(16)));
      rest = rest.subarray(message.length);
      if (message[18] === 3) parentPort.postMessage(["notification", message[19], message[20]]);
      if (message[18] !== 1) continue;
      message.writeUInt32BE(0x0affff01, 24);
      socket.write(message);
      socket.write(KEEPALIVE);
      setInterval(() => socket.write(KEEPALIVE), 500);
    }
  });
});
server.listen(0, "127.0.0.1", () => parentPort.postMessage(["port", server.address().port]));
`;

const settings = (port: number, holdTime: number): PeerSettings => ({
  ...DEFAULT_SETTINGS,
  name: "router",
  localAs: 64500,
  peerAs: 64500,
  endpoint: { kind: "address", address: LOOPBACK, interface: null },
  port,
  holdTime,
  ebgpMultiHop: true,
  families: ["ipv4-unicast"],
});

class Bench {
  readonly peer: Worker;
  readonly heard: unknown[][] = [];
  readonly sessions: DatedSession[] = [];
  readonly over = Promise.withResolvers<void>();
  readonly host = new EngineHost(
    ENGINES,
    hostPorts({
      tell: (telling) => {
        if (telling.kind === "report" && telling.engine === "bgp" && telling.report.kind === "session")
          this.sessions.push(telling.report.session);
        this.wake();
      },
      stopped: () => this.over.resolve(),
    }),
  );
  private wake: () => void = () => {};

  constructor() {
    this.peer = new Worker(PEER, { eval: true });
    this.peer.on("message", (message: unknown[]) => {
      this.heard.push(message);
      this.wake();
    });
  }

  async until<T>(what: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = what();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async establish(holdTime: number): Promise<void> {
    const [, port] = await this.until(() => this.heard.find(([word]) => word === "port"));
    this.host.receive({
      kind: "apply",
      engine: "bgp",
      sequence: 1,
      difference: {
        routes: [],
        peersSet: [settings(Number(port), holdTime)],
        peersRemoved: [],
        fallbackRouterId: LOOPBACK,
      },
    });
    await this.until(() => this.sessions.at(-1)?.state === "Established");
  }

  async end(): Promise<void> {
    this.host.receive({ kind: "shutdown", text: "the test is over", routes: "withdraw" });
    await this.over.promise;
    await this.peer.terminate();
  }
}

/** Holds the thread up from where the loop goes on to timers, not to sockets. */
const stall = (milliseconds: number): Promise<void> =>
  new Promise((resolve) =>
    setImmediate(() => {
      const until = performance.now() + milliseconds;
      while (performance.now() < until);
      resolve();
    }),
  );

describe("the engines' thread", () => {
  const bench = new Bench();
  afterAll(() => bench.end());

  it("keeps a live peer's session when it was held up for less than the peer allows", { timeout: 30_000 }, async () => {
    await bench.establish(3);
    const before = bench.sessions.length;
    // Keepalives sit in the socket when the stall ends, and by the second the hold timer is due.
    await stall(2_500);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await stall(3_200);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(bench.sessions.slice(before)).toEqual([]);
    expect(bench.heard.filter(([word]) => word === "notification")).toEqual([]);
  });
});
