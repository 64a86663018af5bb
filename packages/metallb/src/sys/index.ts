export { fallbackRouterId, linkOf } from "./link.ts";
export { type BgpSockets, bgpSockets } from "./ports.ts";
export type { RouterDiscovery } from "./router-discovery.ts";
export { openTcp, type TcpConnection, type TcpListener, type TcpTarget } from "./tcp.ts";
export type { AcceptedFrom, TcpDoor } from "./tcp-door.ts";
