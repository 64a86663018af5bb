import { createHash } from "node:crypto";
import type { EndpointSlice, Node, Service } from "#api";
import { sampleService } from "#api/testing";
import type { BgpAdvertisement, Config, L2Advertisement, Peer, Pool } from "#config";
import { samplePool } from "#config/testing";
import { formatPrefix, parseIp } from "#net";
import type { Changes, LeaseHolders, Plan, SpeakerLinks, World } from "./plan.ts";
import type { PlannerOptions } from "./planner.ts";

// Small worlds for tests: everything has a default, so that a test names only what it is about.

export const OPTIONS: PlannerOptions = {
  nodeName: "node-1",
  loadBalancerClass: null,
  ignoreExcludeLabel: false,
  sha256: (text) => createHash("sha256").update(text).digest(),
};

export const changes = (fields: Partial<Changes> = {}): Changes => ({
  services: new Set(),
  nodes: new Set(),
  config: false,
  ...fields,
});

/** The routes of the plan as text, table by table. */
export const routesOf = (plan: Plan): Record<string, Record<string, unknown>> =>
  Object.fromEntries(
    [...plan.tables].map((table) => [
      table,
      Object.fromEntries([...plan.routes(table)].map(({ prefix, attributes }) => [formatPrefix(prefix), attributes])),
    ]),
  );

export const service = (name: string, fields: Partial<Service> & { ips?: readonly string[] } = {}): Service => {
  const { ips = [], ...rest } = fields;
  return sampleService(name, { ingress: ips.map((ip) => ({ ip, hostname: null, ipMode: "VIP" })), ...rest });
};

export const slice = (
  serviceName: string,
  nodes: readonly (string | null)[],
  fields: { readonly serving?: boolean; readonly hasAddress?: boolean } = {},
): EndpointSlice => ({
  key: `default/${serviceName}-x`,
  namespace: "default",
  name: `${serviceName}-x`,
  uid: "",
  resourceVersion: "1",
  serviceKey: `default/${serviceName}`,
  endpoints: nodes.map((nodeName) => ({
    nodeName,
    serving: fields.serving ?? true,
    hasAddress: fields.hasAddress ?? true,
  })),
});

export const node = (name: string, fields: Partial<Node> = {}): Node => ({
  key: name,
  namespace: "",
  name,
  uid: name,
  resourceVersion: "1",
  labels: { "kubernetes.io/hostname": name },
  networkUnavailable: false,
  drain: null,
  ...fields,
});

const always = () => true;

export const advertisement = (name: string, fields: Partial<BgpAdvertisement> = {}): BgpAdvertisement => ({
  name,
  created: "",
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: null,
  communities: [],
  largeCommunities: [],
  med: null,
  asPathPrepend: null,
  weighsEndpoints: false,
  fromServices: null,
  peers: null,
  nodes: always,
  services: always,
  hasServiceSelectors: false,
  ...fields,
});

export const l2Advertisement = (name: string, fields: Partial<L2Advertisement> = {}): L2Advertisement => ({
  name,
  nodes: always,
  services: always,
  hasServiceSelectors: false,
  interfaces: null,
  preferences: [],
  placement: "hash",
  fencing: "none",
  ...fields,
});

export const pool = (
  name: string,
  texts: string | readonly string[],
  bgpAdvertisements: readonly BgpAdvertisement[],
  l2Advertisements: readonly L2Advertisement[] = [],
): Pool => samplePool(name, [texts].flat(), { bgpAdvertisements, l2Advertisements });

export const peer = (name: string, fields: Partial<Peer> = {}): Peer => {
  const address = parseIp("192.0.2.254");
  return {
    name,
    frozen: false,
    myASN: 64500,
    peerASN: 64512,
    localASN: null,
    address: address.ok ? address.value : null,
    interface: null,
    sourceAddress: null,
    port: 179,
    holdTime: null,
    keepaliveTime: null,
    connectTime: null,
    routerId: null,
    nodes: always,
    password: null,
    bfdProfile: null,
    bfdAuthentication: null,
    gracefulRestart: false,
    ebgpMultiHop: false,
    vrf: "",
    dualStackAddressFamily: false,
    passive: false,
    restartTime: null,
    ...fields,
  };
};

export const config = (pools: readonly Pool[], peers: readonly Peer[]): Config => ({
  pools,
  peers,
  bfdProfiles: new Map(),
  unreadablePeers: new Set(),
  departed: (name) => pool(name, "192.0.2.0/32", []),
});

/** A world that can be changed in place. */
export class TestWorld implements World {
  readonly services = new Map<string, Service>();
  readonly nodes = new Map<string, Node>();
  readonly slices = new Map<string, EndpointSlice[]>();
  config: Config | null;
  members: ReadonlySet<string> | null = null;
  speakers: ReadonlyMap<string, SpeakerLinks> | null = null;
  hasMajority = true;
  leases: LeaseHolders | null = null;

  constructor(pools: readonly Pool[], peers: readonly Peer[]) {
    this.config = config(pools, peers);
    this.nodes.set("node-1", node("node-1"));
  }

  endpointSlices(serviceKey: string): Iterable<EndpointSlice> {
    return this.slices.get(serviceKey) ?? [];
  }

  /** Adds a Service with one serving endpoint on each of the nodes. */
  serve(added: Service, nodes: readonly (string | null)[] = ["node-1"]): this {
    this.services.set(added.key, added);
    this.slices.set(added.key, [slice(added.name, nodes)]);
    return this;
  }
}
