import { type ClusterFacts, clusterView } from "#explain";
import { type Paint, visible } from "#terminal";
import { type ClusterView, processText, type ShownTable, tablesOf, troublesOf } from "#view";
import type { ClusterCommand } from "./cluster-command.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import { drawTable, type Shown } from "./output.ts";

const OVERVIEW = [
  "services",
  "nodes",
  "namespaces",
  "pods",
  "ipaddresspools",
  "bgpadvertisements",
  "l2advertisements",
  "bgppeers",
  "bfdprofiles",
  "communities",
  "servicebgpstatuses",
  "servicel2statuses",
] as const;

/** How many rows of a table `status` shows before it names the command that shows all. */
const MOST = 12;

const status = (facts: ClusterFacts, _: readonly string[], all: boolean): Shown => {
  const view = clusterView(facts);
  const troubles = troublesOf(view);
  return {
    data: { ...view, troubles },
    lines: (paint) => statusLines(view, troubles, all, paint),
    exitCode: troubles.length === 0 ? DONE : FAILED,
  };
};

function statusLines(view: ClusterView, troubles: readonly string[], all: boolean, paint: Paint): readonly string[] {
  const { sessions, pools, services, nodes, layer2 } = tablesOf(view, Date.now());
  const ours = view.services.filter(({ foreign }) => foreign === "");
  const served = ours.filter(({ addresses }) => addresses.length > 0).length;
  const up = view.nodes.flatMap((node) => node.sessions).filter(({ established }) => established).length;
  const running = view.nodes.filter(({ speaker }) => speaker.running).length;
  const few = (title: string, shown: ShownTable): readonly string[] => {
    const lines = drawTable(shown);
    const cut =
      all || lines.length <= MOST + 1
        ? lines
        : [...lines.slice(0, MOST + 1), `… metallb ${title} shows all ${shown.rows.length}`];
    return ["", ...cut];
  };
  return [
    `Cluster ${visible(view.server)}, MetalLB in ${visible(view.namespace)}`,
    `controller  ${visible(processText(view.controller))}${view.controller.leading === false ? ", stands by" : ""}`,
    `speakers    ${running} of ${view.nodes.length} ready`,
    `sessions    ${up} of ${sessions.rows.length} established`,
    `Services    ${served} of ${ours.length} with an address`,
    ...(troubles.length === 0
      ? [paint("green", "all is well")]
      : ["", ...troubles.slice(0, all ? undefined : 20).map((trouble) => `${paint("red", "!")} ${visible(trouble)}`)]),
    ...(all || troubles.length <= 20 ? [] : [`… and ${troubles.length - 20} more: -o wide shows all`]),
    ...few("pools", pools),
    ...(all ? few("status", nodes) : []),
    ...(sessions.rows.length === 0 ? [] : few("bgp", sessions)),
    ...(layer2.rows.length === 0 ? [] : few("l2", layer2)),
    ...few("services", services),
  ];
}

/** A table of the view, and of what it is made. */
const tableOf =
  (title: keyof ReturnType<typeof tablesOf>, data: (view: ClusterView) => unknown) =>
  (facts: ClusterFacts): Shown => {
    const view = clusterView(facts);
    return {
      data: data(view),
      lines: (paint) => [
        ...view.problems.map((problem) => `${paint("yellow", "!")} ${visible(problem)}`),
        ...drawTable(tablesOf(view, Date.now())[title]),
      ],
      exitCode: DONE,
    };
  };

export const STATUS_COMMANDS: readonly ClusterCommand[] = [
  {
    grammar: "status",
    description: "one screen: health, pools, sessions, Services, and what is wrong; exit code 1 when something is",
    kinds: OVERVIEW,
    states: true,
    show: status,
  },
  {
    grammar: "pools",
    description: "address pools and how full they are",
    kinds: ["pods", "ipaddresspools"],
    states: true,
    show: tableOf("pools", (view) => view.pools),
  },
  {
    grammar: "services",
    description: "Services of type LoadBalancer: address, pool, who announces them and why not",
    kinds: ["services", "pods", "nodes", "servicebgpstatuses", "servicel2statuses"],
    states: true,
    show: tableOf("services", (view) => view.services),
  },
  {
    grammar: "l2",
    description: "owners at layer 2: which node answers ARP and NDP for which address",
    kinds: ["services", "pods", "nodes", "servicel2statuses"],
    states: true,
    show: tableOf("layer2", (view) => view.layer2),
  },
  {
    grammar: "bgp",
    description: "BGP sessions, node by node",
    kinds: ["pods", "nodes"],
    states: true,
    show: tableOf("sessions", (view) => view.nodes.map(({ name, address, sessions }) => ({ name, address, sessions }))),
  },
];
