import type { Ip } from "#net";
import type { HostLinksListener } from "./host-links.ts";
import type { RouterDiscovery } from "./router-discovery.ts";
import { openTcp, type TcpConnection, type TcpListener } from "./tcp.ts";
import type { AcceptedFrom, TcpDoor } from "./tcp-door.ts";

/** What the BGP engine's shell reaches the network through. What needs system calls is loaded with its first use. */
export interface BgpSockets {
  readonly openTcp: typeof openTcp;
  /** Rejects where the port cannot be had. */
  readonly listen: (
    where: { readonly family: 4 | 6; readonly port: number; readonly device: string | null },
    accepted: (peer: AcceptedFrom, connect: (listener: TcpListener) => TcpConnection) => void,
  ) => Promise<TcpDoor>;
  /** Rejects where the interface or the right to look is missing. */
  readonly discover: (name: string, found: (router: Ip) => void) => Promise<RouterDiscovery>;
  /** Tells of the interfaces and their addresses. Rejects where netlink is not to be had. */
  readonly watchLinks: (listener: HostLinksListener) => Promise<{ close(): void }>;
}

export const bgpSockets: BgpSockets = {
  openTcp,
  listen: async (where, accepted) => (await import("./tcp-door.ts")).listenTcp(where, accepted),
  discover: async (name, found) => (await import("./router-discovery.ts")).discoverRouter(name, found),
  watchLinks: async (listener) => new (await import("./host-links.ts")).HostLinks(listener),
};
