export { type GossipConfig, LAN, readGossipConfig, WAN } from "./config.ts";
export { createGossipEngine, type GossipEngine, type GossipEngineOptions } from "./engine.ts";
export {
  type Endpoint,
  type ExchangeId,
  type GossipEffect,
  type GossipEvent,
  isEligible,
  type MemberReport,
  type MemberState,
} from "./events.ts";
export { encodeMeta, macsOf, readMeta, type SpeakerLink, type SpeakerMeta } from "./meta.ts";
export { gossipKey } from "./wire/key.ts";
export type { GossipCipher, PacketOptions } from "./wire/packet.ts";
export { decodeStream, encodeStream, MAX_STREAM, type StreamMessage, type StreamRead } from "./wire/stream.ts";
