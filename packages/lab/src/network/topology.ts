import type { Namespace } from "./namespace.ts";

/** An address, a block or `default` in both families. */
export interface Both {
  readonly v4: string;
  readonly v6: string;
}

/** The LAN of the router and the nodes. */
const onLan = (host: number): Both => ({ v4: `172.20.0.${host}`, v6: `fd00:172:20::${host}` });
/** Where the client lives, behind the router. */
const outside = (host: number): Both => ({ v4: `192.0.2.${host}`, v6: `fd00:192:2::${host}` });
export const pod = (node: number, host: number): Both => ({
  v4: `10.244.${node}.${host}`,
  v6: `fd00:10:244:${node}::${host}`,
});
export const podBlock = (node: number): Both => ({ v4: `10.244.${node}.0/24`, v6: `fd00:10:244:${node}::/64` });
export const ROUTER = onLan(1);
export const CLIENT = outside(10);
export const nodeOnLan = (node: number): Both => onLan(10 + node);
const DEFAULT: Both = { v4: "default", v6: "default" };

/** Namespaces by role: `lan`, `router`, `client`, `node-N`, `pod-N`. */
export const roles = (nodes: readonly number[]): readonly string[] => [
  "lan",
  "router",
  "client",
  ...nodes.flatMap((node) => [`node-${node}`, `pod-${node}`]),
];

/** Lays the cables, gives the addresses and routes. Both ends of a cable are made inside at once: none shows in this machine's own namespace. */
export async function layCables(space: (role: string) => Namespace, nodes: readonly number[]): Promise<void> {
  const cable = (device: string, to: string) => `link add ${device} type veth peer name eth0 netns ${space(to).name}`;
  await Promise.all([
    space("lan").ip([
      "link add lan type bridge forward_delay 0 mcast_snooping 0",
      "link set lan up",
      ...["router", ...nodes.map((node) => `node-${node}`)].flatMap((port) => [
        cable(port, port),
        `link set ${port} master lan`,
        `link set ${port} up`,
      ]),
    ]),
    space("router").ip([cable("client", "client")]),
    ...nodes.map((node) => space(`node-${node}`).ip([cable("pod", `pod-${node}`)])),
  ]);
  // An end must be up before a route may lead through it.
  await Promise.all([
    space("router").ip([...address("eth0", ROUTER), ...address("client", outside(1))]),
    space("client").ip([...address("eth0", CLIENT), ...route(DEFAULT, outside(1))]),
    ...nodes.flatMap((node) => [
      space(`node-${node}`).ip([
        ...address("eth0", nodeOnLan(node)),
        ...address("pod", pod(node, 1)),
        ...route(DEFAULT, ROUTER),
        ...nodes.filter((other) => other !== node).flatMap((other) => route(podBlock(other), nodeOnLan(other))),
      ]),
      space(`pod-${node}`).ip([...address("eth0", pod(node, 2)), ...route(DEFAULT, pod(node, 1))]),
    ]),
  ]);
}

const address = (device: string, at: Both): readonly string[] => [
  `link set ${device} up`,
  `address add ${at.v4}/24 dev ${device}`,
  `address add ${at.v6}/64 dev ${device} nodad`,
];

const route = (to: Both, via: Both): readonly string[] => [
  `route add ${to.v4} via ${via.v4}`,
  `route add ${to.v6} via ${via.v6}`,
];
