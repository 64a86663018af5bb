import { ByteReader, ByteWriter, err, ok, type Result } from "#net";

/** RFC 5880 section 4.1, in the order of their numbers. */
const STATES = ["AdminDown", "Down", "Init", "Up"] as const;
export type BfdState = (typeof STATES)[number];

/** Why a session last went down: RFC 5880 section 4.1. */
export const DIAGNOSTIC = {
  none: 0,
  detectionTimeExpired: 1,
  echoFailed: 2,
  neighborSignaledDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
} as const;

/** A control packet. Intervals in microseconds. */
export interface ControlPacket {
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  /** The sender's BFD goes on while its control plane does not. */
  readonly controlPlaneIndependent: boolean;
  readonly authenticated: boolean;
  readonly demand: boolean;
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  readonly yourDiscriminator: number;
  readonly desiredMinTx: number;
  readonly requiredMinRx: number;
  readonly requiredMinEchoRx: number;
}

const VERSION = 1;
const LENGTH = 24;
const FLAG = {
  poll: 0x20,
  final: 0x10,
  independent: 0x08,
  authenticated: 0x04,
  demand: 0x02,
  multipoint: 0x01,
} as const;

export function encodeControl(packet: ControlPacket): Uint8Array {
  const flag = (set: boolean, bit: number): number => (set ? bit : 0);
  return new ByteWriter(LENGTH)
    .u8((VERSION << 5) | packet.diagnostic)
    .u8(
      (STATES.indexOf(packet.state) << 6) |
        flag(packet.poll, FLAG.poll) |
        flag(packet.final, FLAG.final) |
        flag(packet.controlPlaneIndependent, FLAG.independent) |
        flag(packet.demand, FLAG.demand),
    )
    .u8(packet.detectMultiplier)
    .u8(LENGTH)
    .u32(packet.myDiscriminator)
    .u32(packet.yourDiscriminator)
    .u32(packet.desiredMinTx)
    .u32(packet.requiredMinRx)
    .u32(packet.requiredMinEchoRx)
    .bytes();
}

/** Reads a packet; the error says why RFC 5880 section 6.8.6 has it discarded. */
export function decodeControl(bytes: Uint8Array): Result<ControlPacket> {
  const reader = new ByteReader(bytes);
  const [first, flags, detectMultiplier, length] = [reader.u8(), reader.u8(), reader.u8(), reader.u8()];
  const [myDiscriminator, yourDiscriminator] = [reader.u32(), reader.u32()];
  const [desiredMinTx, requiredMinRx, requiredMinEchoRx] = [reader.u32(), reader.u32(), reader.u32()];
  const state = STATES[flags >> 6] as BfdState;
  const authenticated = (flags & FLAG.authenticated) !== 0;
  // What is too short to have a length reads as zeros.
  if (first >> 5 !== VERSION) return err(`its version is ${first >> 5}`);
  if (length < (authenticated ? LENGTH + 2 : LENGTH) || length > bytes.length) return err(`its length is ${length}`);
  if (detectMultiplier === 0) return err("its multiplier is 0");
  if ((flags & FLAG.multipoint) !== 0) return err("it is for several points");
  if (myDiscriminator === 0) return err("its discriminator is 0");
  if (yourDiscriminator === 0 && state !== "Down" && state !== "AdminDown")
    return err(`it names no session in state ${state}`);
  return ok({
    diagnostic: first & 0x1f,
    state,
    poll: (flags & FLAG.poll) !== 0,
    final: (flags & FLAG.final) !== 0,
    controlPlaneIndependent: (flags & FLAG.independent) !== 0,
    authenticated,
    demand: (flags & FLAG.demand) !== 0,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator,
    desiredMinTx,
    requiredMinRx,
    requiredMinEchoRx,
  });
}
