import type { LabView, NodeView } from "metallb/web";

const process = (pid: number) => ({ running: true, pid, restarts: 0, lastEnding: "" });

const node = (index: number): NodeView => ({
  name: `node-${index}`,
  address: `127.77.1.${10 + index}`,
  cut: false,
  speaker: process(4200 + index),
  session: { established: true, router: "Established", speaker: "Established", reason: "", announcedPrefixes: 1 },
});

/** A lab in which all is well. */
export const healthy: LabView = {
  name: "default",
  startedAt: 1_795_425_000_000,
  kubernetes: "embedded",
  network: "loopback",
  kubeconfig: "/run/user/1000/metallb-lab/default/kubeconfig",
  dashboard: "http://127.0.0.1:7480",
  router: { title: "BIRD 2.0.12", address: "127.77.1.1", port: 1790, asn: 64512 },
  controller: process(4200),
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
      announcements: [1, 2, 3].map((index) => ({ node: `node-${index}`, announced: true, reason: "" })),
    },
  ],
  problems: [],
};

/** The same lab with node-2 cut off, a speaker killed and a Service without an address. */
export const troubled: LabView = {
  ...healthy,
  nodes: healthy.nodes.map((each) => {
    if (each.name === "node-2") {
      const session = {
        ...each.session,
        established: false,
        router: "Passive",
        speaker: "Active",
        reason: "hold timer expired",
        announcedPrefixes: 0,
      };
      return { ...each, cut: true, session };
    }
    if (each.name === "node-3") {
      return { ...each, speaker: { ...each.speaker, restarts: 1, lastEnding: "signal SIGKILL" } };
    }
    return each;
  }),
  routes: healthy.routes.map((route) => ({ ...route, via: route.via.filter((hop) => hop.node !== "node-2") })),
  services: [
    ...healthy.services,
    {
      key: "default/greedy",
      addresses: [],
      pool: "",
      pending: "no pool has 203.0.113.200",
      announcements: [],
    },
  ],
};
