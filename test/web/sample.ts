import type { ClusterView, LabView, NodeView } from "metallb/view";

const QUIET = { next: null, holdEndsAt: null, holdTime: null, bfd: null } as const;

const process = (pid: number) => ({ running: true, title: `process ${pid}`, pid, restarts: 0, lastEnding: "" });

const node = (index: number): NodeView => ({
  name: `node-${index}`,
  address: `127.77.1.${10 + index}`,
  cut: false,
  speaker: process(4200 + index),
  sessions: [
    {
      peer: `node-${index}`,
      established: true,
      router: "Established",
      speaker: "Established",
      reason: "",
      shortcomings: [],
      since: null,
      timer: "",
      ...QUIET,
      announcedPrefixes: 1,
    },
  ],
});

/** A lab in which all is well. */
export const healthy: LabView = {
  kind: "lab",
  name: "default",
  startedAt: 1_795_425_000_000,
  kubernetes: "embedded",
  network: "loopback",
  kubeconfig: "/run/user/1000/metallb-lab/default/kubeconfig",
  command: "/opt/metallb-ts/packages/metallb/bin/metallb lab",
  dashboard: "http://127.0.0.1:7480",
  router: { title: "BIRD 2.0.12", address: "127.77.1.1", port: 1790, asn: 64512 },
  controller: { ...process(4200), leading: true },
  nodes: [node(1), node(2), node(3)],
  routes: [
    {
      prefix: "198.51.100.1/32",
      services: ["default/hello"],
      via: [1, 2, 3].map((index) => ({ node: `node-${index}`, nextHop: `127.77.1.${10 + index}` })),
    },
  ],
  pools: [{ name: "lab", addresses: ["198.51.100.0/24"], autoAssign: true, used: "1", free: "255" }],
  services: [
    {
      key: "default/hello",
      addresses: ["198.51.100.1"],
      pool: "lab",
      pending: "",
      refusedBy: [],
      foreign: "",
      announcedFrom: ["node-1", "node-2", "node-3"],
      refusals: [],
    },
  ],
  layer2: [],
  configuration: [],
  problems: [],
};

/**
 * The same lab with node-2 cut off, a speaker killed, a session that a user made and that is down, a Service
 * without an address, one that lacks an address of a family, one of another class, and a pool that is wrong.
 */
export const troubled: LabView = {
  ...healthy,
  nodes: healthy.nodes.map((each): NodeView => {
    if (each.name === "node-2") {
      const down = { established: false, router: "Passive", speaker: "Active", reason: "hold timer expired" };
      return {
        ...each,
        cut: true,
        sessions: each.sessions.map((session) => ({ ...session, ...down, announcedPrefixes: 0 })),
      };
    }
    if (each.name === "node-3") {
      const made = {
        peer: "by-hand",
        established: false,
        router: "",
        speaker: "Connect",
        reason: "connection refused",
      };
      return {
        ...each,
        speaker: { ...each.speaker, restarts: 1, lastEnding: "signal SIGKILL" },
        sessions: [
          ...each.sessions,
          { ...made, shortcomings: [], since: null, timer: "", ...QUIET, announcedPrefixes: null },
        ],
      };
    }
    return each;
  }),
  routes: healthy.routes.map((route) => ({ ...route, via: route.via.filter((hop) => hop.node !== "node-2") })),
  services: [
    ...healthy.services.map((service) => ({
      ...service,
      announcedFrom: ["node-1", "node-3"],
      refusals: [{ nodes: ["node-2"], reason: "the BGP session is not established" }],
    })),
    {
      key: "default/greedy",
      addresses: [],
      pool: "",
      pending: "no pool has 203.0.113.200",
      refusedBy: [],
      foreign: "",
      announcedFrom: [],
      refusals: [],
    },
    {
      key: "default/dual",
      addresses: ["198.51.100.2"],
      pool: "lab",
      pending: "no available IPs in pool lab for dual IPFamily",
      refusedBy: [
        { pool: "lab", reason: "it has no addresses of the family that the Service needs" },
        { pool: "other", reason: "all of its addresses are in use" },
      ],
      foreign: "",
      announcedFrom: ["node-1", "node-3"],
      refusals: [],
    },
    {
      key: "default/cloud",
      addresses: [],
      pool: "",
      pending: "",
      refusedBy: [],
      foreign: "its spec.loadBalancerClass is example.com/cloud; MetalLB serves Services without a class",
      announcedFrom: [],
      refusals: [],
    },
  ],
  configuration: [
    {
      object: "IPAddressPool wrong",
      field: "spec.addresses[0]",
      code: "invalid",
      message: '"300.1.1.1/24" is no address',
    },
  ],
};

/** So many Services, every tenth of them waiting. */
export const crowded = (count: number): LabView => ({
  ...healthy,
  services: Array.from({ length: count }, (_, index) => ({
    key: `shop-${index % 17}/service-${index}`,
    addresses: index % 10 === 0 ? [] : [`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
    pool: index % 10 === 0 ? "" : "lab",
    pending: index % 10 === 0 ? "no available IPs" : "",
    refusedBy: index % 10 === 0 ? [{ pool: "lab", reason: "all of its addresses are in use" }] : [],
    foreign: "",
    announcedFrom: index % 10 === 0 ? [] : ["node-1", "node-2", "node-3"],
    refusals: [],
  })),
});

/**
 * A cluster of so many nodes, each with two sessions of which some are down. Every tenth Service waits for an address,
 * every third is announced from twenty nodes alone, and the others from all.
 */
export function datacentre(nodes: number, services: number): ClusterView {
  const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`);
  const [pattern] = cluster.nodes;
  const session = pattern?.sessions[0];
  if (pattern === undefined || session === undefined) throw new Error("no node to go by");
  const down = { established: false, speaker: "Connect", reason: "connection refused", announcedPrefixes: 0 };
  const elsewhere = [{ nodes: names.slice(20), reason: "no endpoint of it is ready on this node" }];
  return {
    ...cluster,
    problems: [],
    unread: [],
    nodes: names.map((name, index) => ({
      ...pattern,
      name,
      address: `192.0.2.${index % 250}`,
      sessions: [
        { ...session, peer: "tor-a", ...(index % 50 === 0 ? down : {}) },
        { ...session, peer: "tor-b" },
      ],
    })),
    services: crowded(services).services.map((service, index) =>
      service.addresses.length === 0
        ? service
        : index % 3 === 0
          ? { ...service, announcedFrom: names.slice(0, 20), refusals: elsewhere }
          : { ...service, announcedFrom: names },
    ),
  };
}

/** A real cluster, with an owner at layer 2 and a part that could not be read. */
export const cluster: ClusterView = {
  kind: "cluster",
  notes: [],
  unread: ["servicel2statuses"],
  server: "https://192.0.2.1:6443",
  namespace: "metallb-system",
  controller: { ...process(0), title: "Pod controller-7d4", pid: null, leading: true },
  nodes: healthy.nodes.map((each) => ({
    ...each,
    speaker: { ...each.speaker, title: `Pod speaker-${each.name}`, pid: null },
    sessions: each.sessions.map((session) => ({ ...session, router: "", since: 1_795_425_000_000 })),
  })),
  pools: healthy.pools,
  services: healthy.services,
  layer2: [{ service: "default/hello", address: "198.51.100.1", node: "node-2", interfaces: ["eth0"] }],
  configuration: [],
  problems: ["no right to list namespaces"],
};

/** The same with rights for next to nothing. */
export const unreadable: ClusterView = {
  ...cluster,
  controller: { ...cluster.controller, running: false, title: "", lastEnding: "Pods could not be read", leading: null },
  nodes: [],
  pools: [],
  services: [],
  layer2: [],
  problems: ["no right to list services", "no right to list pods", "no right to list ipaddresspools.metallb.io"],
  unread: ["services", "pods", "ipaddresspools"],
};
