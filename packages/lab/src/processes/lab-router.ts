import { HOLD_TIME, ROUTER_ASN, SIX, SPEAKER_ASN } from "#kubernetes";
import type { LabNetwork, NodePlace } from "#network";
import { type Neighbour, type RouterDescription, type StartedRouter, startRouter } from "#routers";
import type { LabOptions } from "./options.ts";

/** Starts the router of the lab, which waits for each node. */
export async function startLabRouter(options: LabOptions, network: LabNetwork, folder: string): Promise<StartedRouter> {
  const description: RouterDescription = {
    asn: ROUTER_ASN,
    routerId: network.router.address,
    port: network.bgpPort,
    listen: [network.router.address, ...(network.router.address6 === null ? [] : [network.router.address6])],
    // With layer 2 it is a router like any other on the LAN: it asks its neighbours.
    neighbours: options.mode === "layer2" ? [] : network.nodes.flatMap(neighboursOf),
    installRoutes: network.kind === "namespaces",
  };
  return await startRouter(options.router, network.router, description, folder);
}

/** IPv6 goes over a session of its own: its next hop is the session's address. */
function neighboursOf({ name, address, address6 }: NodePlace): readonly Neighbour[] {
  const common = { asn: SPEAKER_ASN, holdTime: HOLD_TIME, password: null };
  const four: Neighbour = { ...common, name, address, families: ["ipv4-unicast"] };
  if (address6 === null) return [four];
  return [four, { ...common, name: `${name}${SIX}`, address: address6, families: ["ipv6-unicast"] }];
}

/** What it is, and what was passed over for it. */
export const routerText = ({ router, passedOver }: StartedRouter): string =>
  `${router.title}, AS ${ROUTER_ASN}${passedOver.length === 0 ? "" : ` (${passedOver.join("; ")})`}`;
