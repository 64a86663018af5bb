import { GroupMembership } from "./group-membership.ts";
import { HostLinks } from "./host-links.ts";
import { openPacketSocket } from "./packet-socket.ts";

export const packetSystem = { GroupMembership, HostLinks, openPacketSocket } as const;
