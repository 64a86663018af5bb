import type { AddressFamily, Endpoint, PeerSettings } from "#bgp";
import { settingsChange } from "#bgp";
import type { BfdProfile, Config, Peer } from "#config";
import type { Table } from "./bgp-context.ts";

/** A peer that this node should have a session with and cannot, or not wholly. */
export interface PeerProblem {
  readonly peer: string;
  readonly message: string;
}

export interface PlannedPeers {
  readonly settings: ReadonlyMap<string, PeerSettings>;
  /** The tables that they read, by name. */
  readonly tables: ReadonlyMap<string, Table>;
  readonly problems: readonly PeerProblem[];
}

/** A node that is drained has none in the end. */
export const NO_PEERS: PlannedPeers = { settings: new Map(), tables: new Map(), problems: [] };

/**
 * The sessions of a node with these labels. Peers that no advertisement tells apart share one table
 * of routes; a table is named by the advertisements that name the peer. Where a peer's object is wrong, the
 * session that stands (in `before`) goes on as it is.
 */
export function planPeers(
  config: Config,
  labels: Readonly<Record<string, string>>,
  before: ReadonlyMap<string, PeerSettings> = new Map(),
): PlannedPeers {
  const limited = limitedAdvertisements(config);
  const settings = new Map<string, PeerSettings>();
  const tables = new Map<string, Table>();
  const problems: PeerProblem[] = [];
  const reads = (peer: string): string => {
    const table = tableOf(peer, limited);
    tables.set(table.name, table);
    return table.name;
  };
  const frozen = [...config.unreadablePeers, ...config.peers.filter((peer) => peer.frozen).map(({ name }) => name)];
  for (const name of frozen) {
    const standing = before.get(name);
    if (standing) settings.set(name, { ...standing, table: reads(name) });
  }
  for (const peer of config.peers) {
    if (settings.has(peer.name) || !peer.nodes(labels)) continue;
    const endpoint = endpointOf(peer);
    if (!endpoint) continue;
    const profile = peer.bfdProfile === null ? null : config.bfdProfiles.get(peer.bfdProfile);
    const noEcho = profile?.echoMode ? whyNoEcho(peer) : null;
    if (noEcho !== null)
      problems.push({ peer: peer.name, message: `BFD profile ${profile?.name} asks for echo mode: ${noEcho}` });
    const bfd = profile ? bfdOf(profile, peer, profile.echoMode && noEcho === null) : null;
    settings.set(peer.name, settingsOf(peer, endpoint, bfd, reads(peer.name)));
  }
  return { settings, tables, problems };
}

function endpointOf({ address, interface: name }: Peer): Endpoint | null {
  if (address) return { kind: "address", address, interface: name };
  return name === null ? null : { kind: "interface", interface: name };
}

/** RFC 5881 section 4 and, as upstream's FRR, IPv4 alone. */
function whyNoEcho({ address, ebgpMultiHop }: Peer): string | null {
  if (ebgpMultiHop) return "a peer several hops away is watched without (RFC 5883 section 3)";
  return address?.family === 4 ? null : "it is offered for IPv4 alone, and the session is watched without";
}

const bfdOf = (
  { receiveInterval, transmitInterval, detectMultiplier, minimumTtl, passiveMode, echoInterval }: BfdProfile,
  { bfdAuthentication }: Peer,
  echo: boolean,
): PeerSettings["bfd"] => ({
  receiveInterval,
  transmitInterval,
  detectMultiplier,
  minimumTtl,
  passive: passiveMode,
  echoInterval: echo ? echoInterval : null,
  authentication: bfdAuthentication,
});

function settingsOf(peer: Peer, endpoint: Endpoint, bfd: PeerSettings["bfd"], table: string): PeerSettings {
  return {
    name: peer.name,
    localAs: peer.localASN ?? peer.myASN,
    peerAs: peer.peerASN,
    endpoint,
    port: peer.port,
    sourceAddress: peer.sourceAddress,
    vrf: peer.vrf || null,
    holdTime: peer.holdTime,
    keepaliveTime: peer.keepaliveTime,
    connectTime: peer.connectTime,
    routerId: peer.routerId,
    password: peer.password,
    ebgpMultiHop: peer.ebgpMultiHop,
    passive: peer.passive,
    bfd,
    restartTime: peer.restartTime,
    gracefulRestart: peer.gracefulRestart,
    families: familiesOf(peer),
    table,
  };
}

/** The family that the session runs over, or both: for an unnumbered peer always. */
export function familiesOf({ dualStackAddressFamily, address }: Peer): readonly AddressFamily[] {
  if (dualStackAddressFamily || address === null) return ["ipv4-unicast", "ipv6-unicast"];
  return [address.family === 4 ? "ipv4-unicast" : "ipv6-unicast"];
}

/** Advertisements that name peers, by name, each once. */
function limitedAdvertisements({ pools }: Config): ReadonlyMap<string, ReadonlySet<string>> {
  const limited = new Map<string, ReadonlySet<string>>();
  for (const pool of pools) for (const { name, peers } of pool.bgpAdvertisements) if (peers) limited.set(name, peers);
  return limited;
}

function tableOf(peer: string, limited: ReadonlyMap<string, ReadonlySet<string>>): Table {
  const named = [...limited].filter(([, peers]) => peers.has(peer)).map(([name]) => name);
  return { name: ["all", ...named.sort()].join("+"), named: new Set(named) };
}

/** What differs between two sets of sessions. */
export function peerDifference(
  before: ReadonlyMap<string, PeerSettings>,
  after: ReadonlyMap<string, PeerSettings>,
): { readonly set: readonly PeerSettings[]; readonly removed: readonly string[] } {
  const set = [...after.values()].filter((settings) => {
    const old = before.get(settings.name);
    return !old || settingsChange(old, settings) !== "none";
  });
  return { set, removed: [...before.keys()].filter((name) => !after.has(name)) };
}
