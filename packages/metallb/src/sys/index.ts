import type { BfdSockets } from "./bfd-sockets.ts";
import type { packetSystem } from "./packet-system.ts";

export { createGossipCipher } from "./gossip-cipher.ts";
export { type GossipListener, GossipSockets } from "./gossip-sockets.ts";
export type { HostAddress, HostLink, HostLinksListener } from "./host-links.ts";
export { fallbackRouterId, type LinkAddresses, linkOf } from "./link.ts";
export { readNetlink } from "./netlink-messages.ts";
export { giveMemoryBack } from "./own-memory.ts";
export type { PacketListener, PacketSocket } from "./packet-socket.ts";
export { type BgpSockets, bgpSockets } from "./ports.ts";
export type { RouterDiscovery } from "./router-discovery.ts";
export { openTcp, type TcpConnection, type TcpListener, type TcpTarget } from "./tcp.ts";
export type { AcceptedFrom, TcpDoor } from "./tcp-door.ts";

/** Packet sockets, group membership and netlink. */
export type PacketSystem = typeof packetSystem;

/** Loaded on demand: it brings the library for system calls along. Rejects where that is not to be had. */
export const loadPacketSystem = async (): Promise<PacketSystem> => (await import("./packet-system.ts")).packetSystem;

export type { BfdPacket, BfdPath, BfdSockets } from "./bfd-sockets.ts";

/** Loaded on demand, as the packet system. */
export const loadBfdSockets = async (...told: ConstructorParameters<typeof BfdSockets>): Promise<BfdSockets> =>
  new (await import("./bfd-sockets.ts")).BfdSockets(...told);
