import type { BFDProfile, BGPPeer, Secret } from "#api";
import { type Ip, parseIp } from "#net";
import { readBfdAuthentication } from "./bfd-authentication.ts";
import type { BfdProfile, Peer } from "./config.ts";
import { parseDuration } from "./duration.ts";
import { readPeerTerms } from "./peer-terms.ts";
import { type ProblemList, quoted } from "./problems.ts";
import { anyOf } from "./selectors.ts";

type Spec = BGPPeer["spec"];

/** RFC 2385 leaves the length open; the kernel takes no more. */
const MAX_KEY = 80;

export interface PeerContext {
  /** By `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Secret>;
  readonly bfdProfiles: ReadonlySet<string>;
}

/**
 * Reads one peer. Where a part of it is wrong it is frozen: the part says nothing, the rest counts. Null:
 * it does not say with whom to speak, or with which key, and no session can be opened.
 */
export function compilePeer(resource: BGPPeer, context: PeerContext, problems: ProblemList): Peer | null {
  const { name, namespace, spec } = resource;
  const nodes = anyOf(spec.nodeSelectors, "spec.nodeSelectors", problems);
  if (spec.nodeSelectors?.length) problems.concerns(nodes);
  const before = problems.problems.length;
  const peerASN = compilePeerAsn(spec, problems);
  const address = compileAddress(spec, problems);
  const password = compilePassword(namespace, spec, context.secrets, problems);
  if (problems.problems.length > before || peerASN === null) return null;
  const timers = compileTimers(spec, problems);
  const routerId = optionalIp(spec.routerID, "spec.routerID", problems, "invalidRouterID", "invalid router ID");
  if (routerId?.family === 6)
    problems.add(
      "invalidRouterID",
      "spec.routerID",
      `invalid router ID ${quoted(spec.routerID ?? "")}: it must be an IPv4 address`,
    );
  const bfdProfile = spec.bfdProfile && context.bfdProfiles.has(spec.bfdProfile) ? spec.bfdProfile : null;
  if (spec.bfdProfile && bfdProfile === null)
    problems.add(
      "unknownBFDProfile",
      "spec.bfdProfile",
      `peer ${name} referencing non existing bfd profile ${quoted(spec.bfdProfile).slice(1, -1)}`,
      true,
    );
  const internal = peerASN === spec.myASN || peerASN === "internal";
  if (spec.ebgpMultiHop && internal)
    problems.add("invalidMultiHop", "spec.ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer");
  const sourceAddress = compileSource(spec, address, problems);
  const terms = readPeerTerms(resource, problems);
  const authentication = readBfdAuthentication(resource, context.secrets, problems);
  return {
    name,
    frozen: !problems.isEmpty,
    myASN: spec.myASN,
    peerASN,
    localASN: spec.localASN ?? null,
    address,
    interface: spec.interface || null,
    sourceAddress,
    port: spec.peerPort,
    ...timers,
    routerId: routerId?.family === 4 ? routerId : null,
    nodes,
    password,
    // Without the authentication that is asked for it would be another session.
    bfdProfile: authentication === "wrong" ? null : bfdProfile,
    bfdAuthentication: authentication === "wrong" ? null : authentication,
    gracefulRestart: spec.enableGracefulRestart ?? false,
    ebgpMultiHop: (spec.ebgpMultiHop ?? false) && !internal,
    vrf: spec.vrf ?? "",
    dualStackAddressFamily: spec.dualStackAddressFamily,
    ...terms,
  };
}

function compileSource({ sourceAddress }: Spec, peer: Ip | null, problems: ProblemList): Ip | null {
  const path = "spec.sourceAddress";
  const source = optionalIp(sourceAddress, path, problems, "invalidSourceAddress", "invalid source IP");
  if (!source || !peer || source.family === peer.family) return source;
  problems.add("invalidSourceAddress", path, "invalid source IP: it is not of the peer's IP version");
  return null;
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

const NO_TIMERS = { holdTime: null, keepaliveTime: null };

/** Whole seconds (RFC 4271 section 4.2), of which none can be turned off by being small. Wrong ones say nothing. */
function compileTimers(spec: Spec, problems: ProblemList): Pick<Peer, "holdTime" | "keepaliveTime" | "connectTime"> {
  const connectTime = compileConnectTime(spec, problems);
  const hold = readTimer(spec.holdTime, "spec.holdTime", problems);
  const keepalive = readTimer(spec.keepaliveTime, "spec.keepaliveTime", problems);
  if (hold === "invalid" || keepalive === "invalid") return { ...NO_TIMERS, connectTime };
  const holdTime = hold === null ? (keepalive === null ? null : Math.floor(3 * keepalive)) : Math.floor(hold);
  if (holdTime === null) return { ...NO_TIMERS, connectTime };
  const wanted = keepalive ?? Math.floor(holdTime / 3);
  const keepaliveTime = wanted > 0 && wanted < 1 ? 1 : Math.floor(wanted);
  const unset = hold === 0 || (hold === null && keepalive === 0);
  if ((holdTime === 0 && !unset) || (holdTime !== 0 && (holdTime < 3 || holdTime > 65535)))
    problems.add(
      "invalidTimers",
      hold === null ? "spec.keepaliveTime" : "spec.holdTime",
      `invalid BGPPeer timers: invalid hold time ${hold ?? 3 * (keepalive ?? 0)}s: must be 0 or 3s to 65535s`,
    );
  else if (keepaliveTime > holdTime)
    problems.add(
      "invalidTimers",
      "spec.keepaliveTime",
      `invalid BGPPeer timers: keepalive time ${keepaliveTime}s must not be above hold time ${holdTime}s`,
    );
  else return { holdTime, keepaliveTime, connectTime };
  return { ...NO_TIMERS, connectTime };
}

/** Seconds; null: not set. */
function readTimer(text: string | null | undefined, path: string, problems: ProblemList): number | null | "invalid" {
  if (text === undefined || text === null) return null;
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value;
  problems.add("invalidTimers", path, `invalid BGPPeer timers: ${parsed.error}`);
  return "invalid";
}

function compileConnectTime({ connectTime }: Spec, problems: ProblemList): number | null {
  const path = "spec.connectTime";
  const time = readTimer(connectTime, path, problems);
  if (time === null || time === "invalid") return null;
  const wrong =
    time < 1 || time > 65535
      ? "connect time should be between 1 seconds to 65535"
      : Number.isInteger(time)
        ? null
        : "connect time should contain a whole number of seconds";
  if (wrong === null) return time;
  problems.add("invalidTimers", path, wrong);
  return null;
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
    if (!secret)
      problems.add("invalidPassword", path, `secret ref not found for peer config: ${quoted(key).slice(1, -1)}`, true);
    else if (secret.type !== "kubernetes.io/basic-auth")
      problems.add(
        "invalidPassword",
        path,
        `secret type mismatch on ${quoted(key)}, type "kubernetes.io/basic-auth" is expected`,
        true,
      );
    else if (!secret.password)
      problems.add("invalidPassword", path, `password not specified in the secret ${quoted(key)}`, true);
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

const BFD_DEFAULTS = {
  receiveInterval: 300,
  transmitInterval: 300,
  detectMultiplier: 3,
  echoInterval: 50,
  minimumTtl: 254,
} as const;

/** A value out of bounds says nothing: the default counts. */
export function compileBfdProfile({ name, spec }: BFDProfile, problems: ProblemList): BfdProfile {
  const bounded = (field: keyof typeof BFD_BOUNDS): number => {
    const value = spec[field];
    const [low, high] = BFD_BOUNDS[field];
    if (value !== undefined && value >= low && value <= high) return value;
    if (value !== undefined)
      problems.add("invalidBFDProfile", `spec.${field}`, `invalid value ${value}, must be in ${low}-${high} range`);
    return BFD_DEFAULTS[field];
  };
  return {
    name,
    receiveInterval: bounded("receiveInterval"),
    transmitInterval: bounded("transmitInterval"),
    detectMultiplier: bounded("detectMultiplier"),
    echoInterval: bounded("echoInterval"),
    echoMode: spec.echoMode ?? false,
    passiveMode: spec.passiveMode ?? false,
    minimumTtl: bounded("minimumTtl"),
  };
}
