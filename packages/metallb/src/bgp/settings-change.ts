import { ipEquals } from "#net";
import { hopsOf, type PeerSettings } from "./settings.ts";

/**
 * What a change of each setting costs: `in-place` takes effect on the running session, `connection`
 * needs a new TCP connection. `open` needs a new OPEN (RFC 4271 section 4.2), unless the OPEN would say
 * the same, and the peer's is as good as before: writing down a default resets nothing. The planner,
 * the documentation and the tests read this table.
 */
export const SETTING_COST = {
  localAs: "open",
  peerAs: "open",
  holdTime: "open",
  keepaliveTime: "in-place",
  connectTime: "in-place",
  routerId: "open",
  gracefulRestart: "open",
  families: "open",
  restartTime: "open",
  passive: "in-place",
  bfd: "in-place",
  endpoint: "connection",
  port: "connection",
  sourceAddress: "connection",
  vrf: "connection",
  password: "connection",
  ebgpMultiHop: "connection",
  table: "in-place",
} as const satisfies Record<Exclude<keyof PeerSettings, "name">, "in-place" | "connection" | "open">;

/** The dearest of what differs; `none` when the two say the same. */
export function settingsChange(a: PeerSettings, b: PeerSettings): "none" | "in-place" | "open" | "connection" {
  let result: "none" | "in-place" | "open" = "none";
  for (const [name, cost] of Object.entries(SETTING_COST)) {
    const key = name as keyof typeof SETTING_COST;
    if (sameSetting(a[key], b[key])) continue;
    // Where it makes no difference to the TTL, a word about hops is no difference to the connection.
    if (cost === "connection" && (key !== "ebgpMultiHop" || hopsOf(a) !== hopsOf(b))) return cost;
    if (result !== "open") result = cost === "open" ? cost : "in-place";
  }
  return result;
}

type Setting = PeerSettings[keyof typeof SETTING_COST];

function sameSetting(a: Setting, b: Setting): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((family, i) => family === b[i]);
  if (isEndpoint(a) && isEndpoint(b)) {
    if (a.interface !== b.interface) return false;
    return a.kind === "address" && b.kind === "address" ? ipEquals(a.address, b.address) : a.kind === b.kind;
  }
  if (isBfd(a) && isBfd(b))
    return (
      BFD.every((name) => a[name] === b[name]) &&
      AUTHENTICATION.every((name) => a.authentication?.[name] === b.authentication?.[name])
    );
  return isIp(a) && isIp(b) && ipEquals(a, b);
}

const isIp = (value: Setting): value is NonNullable<PeerSettings["sourceAddress"]> =>
  typeof value === "object" && value !== null && "value" in value;

const isEndpoint = (value: Setting): value is PeerSettings["endpoint"] =>
  typeof value === "object" && value !== null && "kind" in value;

const BFD = [
  "receiveInterval",
  "transmitInterval",
  "detectMultiplier",
  "minimumTtl",
  "passive",
  "echoInterval",
] as const;
const AUTHENTICATION = ["type", "keyId", "key"] as const;

const isBfd = (value: Setting): value is NonNullable<PeerSettings["bfd"]> =>
  typeof value === "object" && value !== null && "detectMultiplier" in value;
