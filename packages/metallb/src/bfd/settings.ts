import { type Duration, type Ip, ipEquals } from "#net";

/** How packets prove whose they are (RFC 5880 section 6.7). */
export interface BfdAuthentication {
  readonly type: "simple" | "keyed-md5" | "meticulous-keyed-md5" | "keyed-sha1" | "meticulous-keyed-sha1";
  /** 0 to 255. */
  readonly keyId: number;
  /** 1 to 16 octets, with SHA1 to 20. Never logged, never told. */
  readonly key: string;
}

/** One session. Intervals in milliseconds. */
export interface BfdSettings {
  /** Unique in the engine. */
  readonly name: string;
  readonly remote: Ip;
  /** Where it is sent from; null: the kernel chooses. */
  readonly local: Ip | null;
  /** Interface of a link-local neighbour; null otherwise. */
  readonly interface: string | null;
  /** Device of the VRF; null: none. */
  readonly vrf: string | null;
  /** RFC 5883: the peer may be several hops away. Otherwise only packets with TTL 255 count (RFC 5881 section 5). */
  readonly multihop: boolean;
  /** The least TTL that counts with `multihop`, 1 to 254. */
  readonly minimumTtl: number;
  /** 10 to 60000. */
  readonly receiveInterval: Duration;
  readonly transmitInterval: Duration;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  /** Says nothing until the peer has (RFC 5880 section 6.1). */
  readonly passive: boolean;
  /** Between echo packets (RFC 5880 section 6.4), 10 to 60000; null: none are sent, and none sent back. */
  readonly echoInterval: Duration | null;
  /** Null: none. */
  readonly authentication: BfdAuthentication | null;
  /** Who relies on the path; what is reported of the session is for them. */
  readonly users: readonly string[];
}

/** What can change while the session stands: by a poll sequence (RFC 5880 section 6.8.3), or at once. */
const IN_PLACE = ["receiveInterval", "transmitInterval", "detectMultiplier", "passive", "echoInterval"] as const;

/** Whether the second needs a new session. */
export function needsNewSession(a: BfdSettings, b: BfdSettings): boolean {
  const same = (left: Ip | null, right: Ip | null): boolean =>
    left === right || (left !== null && right !== null && ipEquals(left, right));
  return !(
    same(a.remote, b.remote) &&
    same(a.local, b.local) &&
    a.interface === b.interface &&
    a.vrf === b.vrf &&
    a.multihop === b.multihop &&
    a.minimumTtl === b.minimumTtl &&
    // Its sockets are others.
    (a.echoInterval === null) === (b.echoInterval === null) &&
    a.authentication?.type === b.authentication?.type &&
    a.authentication?.keyId === b.authentication?.keyId &&
    a.authentication?.key === b.authentication?.key
  );
}

export const sameBfdSettings = (a: BfdSettings, b: BfdSettings): boolean =>
  !needsNewSession(a, b) && IN_PLACE.every((name) => a[name] === b[name]) && a.users.join() === b.users.join();
