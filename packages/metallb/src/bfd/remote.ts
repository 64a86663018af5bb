import { type BfdState, type ControlPacket, DIAGNOSTIC } from "./packet.ts";

/** What the peer said last. Intervals in milliseconds. */
export interface Remote {
  readonly discriminator: number;
  readonly state: BfdState;
  readonly requiredMinRx: number;
  readonly desiredMinTx: number;
  readonly detectMultiplier: number;
  readonly demand: boolean;
  /** 0: it sends no echo packets back. */
  readonly requiredMinEchoRx: number;
}

/** RFC 5880 section 6.8.1: before anything was heard. */
export const UNKNOWN: Remote = {
  discriminator: 0,
  state: "Down",
  requiredMinRx: 0.001,
  desiredMinTx: 0,
  detectMultiplier: 0,
  demand: false,
  requiredMinEchoRx: 0,
};

export const remoteOf = (packet: ControlPacket): Remote => ({
  discriminator: packet.myDiscriminator,
  state: packet.state,
  requiredMinRx: packet.requiredMinRx / 1000,
  desiredMinTx: packet.desiredMinTx / 1000,
  detectMultiplier: packet.detectMultiplier,
  demand: packet.demand,
  requiredMinEchoRx: packet.requiredMinEchoRx / 1000,
});

/** Why a session went down, for people. */
export const REASON: Readonly<Record<number, string>> = {
  [DIAGNOSTIC.detectionTimeExpired]: "nothing was heard within the detection time",
  [DIAGNOSTIC.echoFailed]: "echo packets did not come back",
  [DIAGNOSTIC.neighborSignaledDown]: "the peer says that it does not hear us",
  [DIAGNOSTIC.administrativelyDown]: "it was shut down on purpose",
};
