export type { Digest } from "./authentication.ts";
export { type BfdEngine, createBfdEngine } from "./engine.ts";
export type * from "./events.ts";
export { NEXT } from "./machine.ts";
export { type BfdState, type ControlPacket, DIAGNOSTIC, decodeControl, encodeControl } from "./packet.ts";
export { type BfdAuthentication, type BfdSettings, needsNewSession, sameBfdSettings } from "./settings.ts";
