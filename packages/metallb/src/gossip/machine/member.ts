import { type Duration, type Ip, ip, ipFromBytes, ipToBytes, unmap } from "#net";
import type { Endpoint, Instant, MemberReport, MemberState } from "../events.ts";
import type { Suspicion } from "./suspicion.ts";

/** Protocol versions: minimum 1, maximum 5, current 2; no delegate of ours has one. */
export const VERSIONS = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** What the table knows of one member. */
export interface Member {
  readonly name: string;
  readonly isSelf: boolean;
  address: Ip;
  port: number;
  meta: Uint8Array;
  versions: Uint8Array;
  incarnation: number;
  state: "alive" | "suspect" | "dead" | "left";
  since: Instant;
  suspicion: Suspicion | null;
  /** The watch says that nothing is heard of it. */
  silent: boolean;
  /** How long nothing had been heard of it when it became silent. */
  quiet: Duration;
}

export const endpointOf = ({ address, port }: Member): Endpoint => ({ address, port });

/** Members that speak protocol 5 check sums; a member that is not known may not. */
export const checksSums = ({ versions }: Pick<Member, "versions">): boolean => (versions[1] ?? 0) >= 5;

function stateOf({ state, silent }: Member): MemberState {
  return silent && (state === "alive" || state === "suspect") ? "silent" : state;
}

export function reportOf(member: Member): MemberReport {
  const { name, address, port, since, meta, quiet } = member;
  return { name, address, port, since, meta, quiet, state: stateOf(member) };
}

/** The address of a message; null: it is none. */
export function addressOf(bytes: Uint8Array): Ip | null {
  const read = ipFromBytes(bytes);
  return read.ok ? unmap(read.value) : null;
}

export const octetsOf = (address: Ip): Uint8Array => ipToBytes(address);
export const NOBODY: Ip = ip(4, 0n);
