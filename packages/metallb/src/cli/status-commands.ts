import { type ClusterFacts, clusterView } from "#explain";
import { meant, type Paint, visible } from "#terminal";
import { type ClusterView, isUnread, processText, type ShownTable, tablesOf, troublesOf } from "#view";
import type { ClusterCommand } from "./cluster-command.ts";
import { DONE, FAILED } from "./exit-codes.ts";
import { drawTable, type Shown } from "./output.ts";
import { serviceKey } from "./service-key.ts";

/** What the whole picture needs. */
export const OVERVIEW = [
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
    `controller  ${isUnread(view, "pods") ? "could not be read" : visible(processText(view.controller))}${view.controller.leading === false ? ", stands by" : ""}`,
    `speakers    ${isUnread(view, "pods") ? "could not be read" : `${running} of ${view.nodes.length} ready`}`,
    `sessions    ${isUnread(view, "pods") || (sessions.rows.length === 0 && view.notes.length > 0) ? "not told" : `${up} of ${sessions.rows.length} established`}`,
    `Services    ${isUnread(view, "services") ? "could not be read" : `${served} of ${ours.length} with an address`}`,
    ...view.notes.map((note) => `${paint("dim", "·")} ${visible(note)}`),
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

/** What one word after a command leaves of the view; null: it names nothing. */
interface Narrowing {
  readonly what: string;
  readonly names: (view: ClusterView) => readonly string[];
  readonly narrow: (view: ClusterView, name: string) => ClusterView;
}

function narrowed(view: ClusterView, asked: string | undefined, { what, names, narrow }: Narrowing): ClusterView {
  if (asked === undefined) return view;
  const known = names(view);
  const name = what === "Service" ? serviceKey(asked, known) : asked;
  if (!known.includes(name)) throw new Error(`there is no ${what} '${visible(name)}'${meant(name, known)}`);
  return narrow(view, name);
}

const POOL: Narrowing = {
  what: "pool",
  names: ({ pools }) => pools.map(({ name }) => name),
  narrow: (view, pool) => ({ ...view, pools: view.pools.filter(({ name }) => name === pool) }),
};

const SERVICE: Narrowing = {
  what: "Service",
  names: ({ services }) => services.map(({ key }) => key),
  narrow: (view, service) => ({
    ...view,
    services: view.services.filter(({ key }) => key === service),
    layer2: view.layer2.filter((owner) => owner.service === service),
  }),
};

const PEER: Narrowing = {
  what: "BGPPeer",
  names: ({ nodes }) => nodes.flatMap(({ sessions }) => sessions.map(({ peer }) => peer)),
  narrow: (view, peer) => ({
    ...view,
    nodes: view.nodes.map((node) => ({ ...node, sessions: node.sessions.filter((each) => each.peer === peer) })),
  }),
};

/** A table of the view, and of what it is made. */
const tableOf =
  (title: keyof ReturnType<typeof tablesOf>, narrowing: Narrowing, data: (view: ClusterView) => unknown) =>
  (facts: ClusterFacts, words: readonly string[]): Shown => {
    const view = narrowed(clusterView(facts), words[0], narrowing);
    return {
      data: data(view),
      lines: (paint) => [
        ...view.problems.map((problem) => `${paint("yellow", "!")} ${visible(problem)}`),
        ...view.notes.map((note) => `${paint("dim", "·")} ${visible(note)}`),
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
    grammar: "pools [pool]",
    description: "address pools and how full they are; one, or all",
    kinds: ["pods", "ipaddresspools"],
    states: true,
    show: tableOf("pools", POOL, (view) => view.pools),
  },
  {
    grammar: "services [service]",
    description: "Services of type LoadBalancer: address, pool, who announces them and why not",
    kinds: ["services", "pods", "nodes", "servicebgpstatuses", "servicel2statuses"],
    states: true,
    show: tableOf("services", SERVICE, (view) => view.services),
  },
  {
    grammar: "l2 [service]",
    description: "owners at layer 2: which node answers ARP and NDP for which address",
    kinds: ["services", "pods", "nodes", "servicel2statuses"],
    states: true,
    show: tableOf("layer2", SERVICE, (view) => view.layer2),
  },
  {
    grammar: "bgp [peer]",
    description: "BGP sessions, node by node",
    kinds: ["pods", "nodes"],
    states: true,
    show: tableOf("sessions", PEER, (view) =>
      view.nodes.map(({ name, address, sessions }) => ({ name, address, sessions })),
    ),
  },
];
