import { type Duration, err, ok, type Result } from "#net";

/** memberlist's settings. Times are milliseconds. */
export interface GossipConfig {
  readonly tcpTimeout: Duration;
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly pushPullInterval: Duration;
  readonly probeTimeout: Duration;
  readonly probeInterval: Duration;
  readonly disableTcpPings: boolean;
  readonly awarenessMaxMultiplier: number;
  readonly gossipNodes: number;
  readonly gossipInterval: Duration;
  readonly gossipToTheDeadTime: Duration;
  readonly gossipVerifyIncoming: boolean;
  readonly gossipVerifyOutgoing: boolean;
  readonly enableCompression: boolean;
  readonly udpBufferSize: number;
}

export const LAN: GossipConfig = {
  tcpTimeout: 10_000,
  indirectChecks: 3,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  pushPullInterval: 30_000,
  probeTimeout: 500,
  probeInterval: 1_000,
  disableTcpPings: false,
  awarenessMaxMultiplier: 8,
  gossipNodes: 3,
  gossipInterval: 200,
  gossipToTheDeadTime: 30_000,
  gossipVerifyIncoming: true,
  gossipVerifyOutgoing: true,
  enableCompression: true,
  udpBufferSize: 1_400,
};

export const WAN: GossipConfig = {
  ...LAN,
  tcpTimeout: 30_000,
  suspicionMult: 6,
  pushPullInterval: 60_000,
  probeTimeout: 3_000,
  probeInterval: 5_000,
  gossipNodes: 4,
  gossipInterval: 500,
  gossipToTheDeadTime: 60_000,
};

const DURATIONS = {
  TCPTimeout: "tcpTimeout",
  PushPullInterval: "pushPullInterval",
  ProbeTimeout: "probeTimeout",
  ProbeInterval: "probeInterval",
  GossipInterval: "gossipInterval",
  GossipToTheDeadTime: "gossipToTheDeadTime",
} as const;
const NUMBERS = {
  IndirectChecks: "indirectChecks",
  RetransmitMult: "retransmitMult",
  SuspicionMult: "suspicionMult",
  SuspicionMaxTimeoutMult: "suspicionMaxTimeoutMult",
  AwarenessMaxMultiplier: "awarenessMaxMultiplier",
  GossipNodes: "gossipNodes",
  UDPBufferSize: "udpBufferSize",
} as const;
const FLAGS = {
  DisableTcpPings: "disableTcpPings",
  GossipVerifyIncoming: "gossipVerifyIncoming",
  GossipVerifyOutgoing: "gossipVerifyOutgoing",
  EnableCompression: "enableCompression",
} as const;
/** Fields of MetalLB's file that say nothing to this implementation, which has no such queue. */
const IGNORED = ["HandoffQueueDepth", "QueueCheckInterval"] as const;

/** Go's notation of a duration, to milliseconds; null: it is not one. */
function duration(text: unknown): number | null {
  if (typeof text !== "string" || !/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return null;
  const units: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5 };
  let sum = 0;
  for (const [, count, , unit] of text.matchAll(/(\d+(\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(count) * (units[unit ?? ""] ?? 0);
  return sum;
}

/** Reads the settings of the file `config.json`, parsed. All fields must be there, as MetalLB wants it. */
export function readGossipConfig(json: unknown): Result<GossipConfig> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return err("the file holds no JSON object");
  const given = new Map(Object.entries(json));
  const read: Record<string, number | boolean> = {};
  for (const [name, field] of Object.entries(DURATIONS)) {
    const value = duration(given.get(name));
    if (value === null || value <= 0) return err(`${name} must be a duration such as "500ms"`);
    read[field] = value;
  }
  for (const [name, field] of Object.entries(NUMBERS)) {
    const value = given.get(name);
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 1_000_000)
      return err(`${name} must be a whole number`);
    read[field] = value;
  }
  for (const [name, field] of Object.entries(FLAGS)) {
    const value = given.get(name);
    if (typeof value !== "boolean") return err(`${name} must be true or false`);
    read[field] = value;
  }
  const known = new Set<string>([
    ...Object.keys(DURATIONS),
    ...Object.keys(NUMBERS),
    ...Object.keys(FLAGS),
    ...IGNORED,
  ]);
  for (const name of given.keys()) if (!known.has(name)) return err(`"${name.slice(0, 40)}" is not known`);
  if ((read.udpBufferSize as number) < 512) return err("UDPBufferSize must be 512 at least");
  return ok(read as unknown as GossipConfig);
}
