import type { BFDProfile, BGPPeer, Secret } from "#api";
import { type Ip, parseIp } from "#net";
import type { BfdProfile, Peer } from "./config.ts";
import { parseDuration } from "./duration.ts";
import type { ProblemList } from "./problems.ts";
import { anyOf } from "./selectors.ts";

type Spec = BGPPeer["spec"];

/** RFC 2385 leaves the length open; the kernel takes no more. */
const MAX_KEY = 80;

export interface PeerContext {
  /** By `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly bfdProfiles: ReadonlySet<string>;
}

export function compilePeer(
  { name, namespace, spec }: BGPPeer,
  context: PeerContext,
  problems: ProblemList,
): Peer | null {
  const peerASN = compilePeerAsn(spec, problems);
  const address = compileAddress(spec, problems);
  const timers = compileTimers(spec, problems);
  const routerId = optionalIp(spec.routerID, "spec.routerID", problems, "invalidRouterID", "invalid router ID");
  if (routerId?.family === 6)
    problems.add(
      "invalidRouterID",
      "spec.routerID",
      `invalid router ID "${spec.routerID}": it must be an IPv4 address`,
    );
  const sourceAddress = optionalIp(
    spec.sourceAddress,
    "spec.sourceAddress",
    problems,
    "invalidSourceAddress",
    "invalid source IP",
  );
  if (sourceAddress && address && sourceAddress.family !== address.family)
    problems.add("invalidSourceAddress", "spec.sourceAddress", "invalid source IP: it is not of the peer's IP version");
  if (spec.bfdProfile && !context.bfdProfiles.has(spec.bfdProfile))
    problems.add(
      "unknownBFDProfile",
      "spec.bfdProfile",
      `peer ${name} referencing non existing bfd profile ${spec.bfdProfile}`,
      true,
    );
  if (spec.ebgpMultiHop && (peerASN === spec.myASN || peerASN === "internal"))
    problems.add("invalidMultiHop", "spec.ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer");
  const password = compilePassword(namespace, spec, context.secrets, problems);
  const nodes = anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems);
  if (!problems.isEmpty || peerASN === null) return null;
  return {
    name,
    myASN: spec.myASN,
    peerASN,
    localASN: spec.localASN ?? null,
    address,
    interface: spec.interface || null,
    sourceAddress,
    port: spec.peerPort,
    ...timers,
    routerId,
    nodes,
    password,
    bfdProfile: spec.bfdProfile || null,
    gracefulRestart: spec.enableGracefulRestart ?? false,
    ebgpMultiHop: spec.ebgpMultiHop ?? false,
    vrf: spec.vrf ?? "",
    dualStackAddressFamily: spec.dualStackAddressFamily,
  };
}

function compilePeerAsn(spec: Spec, problems: ProblemList): Peer["peerASN"] | null {
  if (spec.myASN === 0) problems.add("missingASN", "spec.myASN", "missing local ASN");
  if (spec.peerASN && spec.dynamicASN)
    problems.add("invalidPeerASN", "spec.dynamicASN", "both peer ASN and dynamicASN specified");
  if (!spec.peerASN && !spec.dynamicASN)
    problems.add("invalidPeerASN", "spec.peerASN", "missing peer ASN and dynamicASN");
  return spec.dynamicASN ?? spec.peerASN ?? null;
}

function compileAddress(spec: Spec, problems: ProblemList): Ip | null {
  if (spec.peerAddress && spec.interface)
    problems.add("invalidPeerAddress", "spec.interface", "peer has both Address and Interface specified");
  if (!spec.peerAddress && !spec.interface)
    problems.add("invalidPeerAddress", "spec.peerAddress", "peer has no Address or Interface specified");
  return optionalIp(spec.peerAddress, "spec.peerAddress", problems, "invalidPeerAddress", "invalid BGPPeer address");
}

function optionalIp(
  text: string | undefined,
  path: string,
  problems: ProblemList,
  code: "invalidPeerAddress" | "invalidRouterID" | "invalidSourceAddress",
  what: string,
): Ip | null {
  if (!text) return null;
  const parsed = parseIp(text);
  if (parsed.ok) return parsed.value;
  problems.add(code, path, `${what}: ${parsed.error}`);
  return null;
}

function compileTimers(spec: Spec, problems: ProblemList): Pick<Peer, "holdTime" | "keepaliveTime" | "connectTime"> {
  const exact = (text: string | null | undefined, path: string): number | null => {
    if (text === undefined || text === null) return null;
    const parsed = parseDuration(text);
    if (parsed.ok) return parsed.value;
    problems.add("invalidTimers", path, `invalid BGPPeer timers: ${parsed.error}`);
    return null;
  };
  const whole = (text: string | null | undefined, path: string): number | null => {
    const time = exact(text, path);
    return time === null ? null : Math.floor(time);
  };
  const hold = whole(spec.holdTime, "spec.holdTime");
  const keepalive = whole(spec.keepaliveTime, "spec.keepaliveTime");
  const connectTime = exact(spec.connectTime, "spec.connectTime");
  if (connectTime !== null && (connectTime < 1 || connectTime > 65535))
    problems.add("invalidTimers", "spec.connectTime", "connect time should be between 1 seconds to 65535");
  else if (connectTime !== null && !Number.isInteger(connectTime))
    problems.add("invalidTimers", "spec.connectTime", "connect time should contain a whole number of seconds");
  const holdTime = hold ?? (keepalive === null ? null : 3 * keepalive);
  const keepaliveTime = keepalive ?? (hold === null ? null : Math.floor(hold / 3));
  if (holdTime !== null && holdTime !== 0 && (holdTime < 3 || holdTime > 65535))
    problems.add(
      "invalidTimers",
      "spec.holdTime",
      `invalid BGPPeer timers: invalid hold time ${holdTime}s: must be 0 or 3s to 65535s`,
    );
  if (holdTime !== null && keepaliveTime !== null && keepaliveTime > holdTime)
    problems.add(
      "invalidTimers",
      "spec.keepaliveTime",
      `invalid BGPPeer timers: keepalive time ${keepaliveTime}s must not be above hold time ${holdTime}s`,
    );
  return { holdTime, keepaliveTime, connectTime };
}

/** The key itself never appears in a problem. */
function compilePassword(
  namespace: string,
  spec: Spec,
  secrets: PeerContext["secrets"],
  problems: ProblemList,
): string | null {
  const { name, namespace: of } = spec.passwordSecret ?? {};
  if (spec.password && name)
    problems.add(
      "invalidPassword",
      "spec.passwordSecret",
      "can not have both password and secret ref set in peer config",
    );
  let password = spec.password || null;
  if (name) {
    const key = `${of || namespace}/${name}`;
    const secret = secrets.get(key);
    const path = "spec.passwordSecret";
    if (!secret) problems.add("invalidPassword", path, `secret ref not found for peer config: ${key}`, true);
    else if (secret.type !== "kubernetes.io/basic-auth")
      problems.add(
        "invalidPassword",
        path,
        `secret type mismatch on "${key}", type "kubernetes.io/basic-auth" is expected`,
        true,
      );
    else if (!secret.password)
      problems.add("invalidPassword", path, `password not specified in the secret "${key}"`, true);
    else password = secret.password;
  }
  if (password !== null && new TextEncoder().encode(password).length > MAX_KEY)
    problems.add(
      "invalidPassword",
      spec.password ? "spec.password" : "spec.passwordSecret",
      `the password is longer than ${MAX_KEY} octets`,
    );
  return password;
}

const BFD_BOUNDS = {
  receiveInterval: [10, 60000],
  transmitInterval: [10, 60000],
  detectMultiplier: [2, 255],
  echoInterval: [10, 60000],
  minimumTtl: [1, 254],
} as const;

export function compileBfdProfile({ name, spec }: BFDProfile, problems: ProblemList): BfdProfile | null {
  for (const [field, [low, high]] of Object.entries(BFD_BOUNDS)) {
    const value = spec[field as keyof typeof BFD_BOUNDS];
    if (value !== undefined && (value < low || value > high))
      problems.add("invalidBFDProfile", `spec.${field}`, `invalid value ${value}, must be in ${low}-${high} range`);
  }
  if (!problems.isEmpty) return null;
  return {
    name,
    receiveInterval: spec.receiveInterval ?? 300,
    transmitInterval: spec.transmitInterval ?? 300,
    detectMultiplier: spec.detectMultiplier ?? 3,
    echoInterval: spec.echoInterval ?? 50,
    echoMode: spec.echoMode ?? false,
    passiveMode: spec.passiveMode ?? false,
    minimumTtl: spec.minimumTtl ?? 254,
  };
}
