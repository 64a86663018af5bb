import { ByteReader, ByteWriter } from "#net";
import { decodeMessage, encodeMessage, type GossipMessage, TYPE } from "./messages.ts";
import { packFields, unpackFields } from "./msgpack.ts";
import { compressed, decompressed, openPayload, type PacketOptions, sealPayload } from "./packet.ts";

/** How a member stands in the table that two members exchange. */
export const MEMBER_STATE = { alive: 0, suspect: 1, dead: 2, left: 3 } as const;
export type MemberStateCode = (typeof MEMBER_STATE)[keyof typeof MEMBER_STATE];

export interface NodeState {
  readonly name: string;
  readonly address: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly incarnation: number;
  readonly state: MemberStateCode;
  readonly versions: Uint8Array;
}

/** The whole table, sent both ways over TCP. */
export interface PushPull {
  readonly kind: "push-pull";
  readonly join: boolean;
  readonly nodes: readonly NodeState[];
  readonly userState: Uint8Array;
}

/** What goes over TCP: tables, pings where UDP is not let through, and the refusal of either. */
export type StreamMessage = PushPull | Extract<GossipMessage, { kind: "ping" | "ack" | "user" }> | StreamError;
export interface StreamError {
  readonly kind: "error";
  readonly text: string;
}

/** The largest message that is read: 20 MB in memberlist; 5,000 members need one. */
export const MAX_STREAM = 8 << 20;
const MAX_NODES = 65_536;
const HEADER = 5;

export function encodeStream(message: StreamMessage, { cipher, compress }: PacketOptions): Uint8Array {
  let bytes = plainStream(message);
  if (compress) bytes = compressed(bytes);
  if (cipher === null) return bytes;
  const length = bytes.length + 1 + 12 + 16;
  const header = new ByteWriter(HEADER).u8(TYPE.encrypt).u32(length).bytes();
  return new ByteWriter(HEADER + length)
    .put(header)
    .put(sealPayload(bytes, cipher, header))
    .bytes();
}

function plainStream(message: StreamMessage): Uint8Array {
  switch (message.kind) {
    case "push-pull":
      return pushPull(message);
    case "error": {
      const writer = new ByteWriter(64).u8(TYPE.error);
      packFields(writer, { Error: message.text });
      return writer.bytes();
    }
    case "user": {
      const writer = new ByteWriter(64).u8(TYPE.user);
      packFields(writer, { UserMsgLen: message.payload.length });
      return writer.put(message.payload).bytes();
    }
    default:
      return encodeMessage(message);
  }
}

function pushPull({ nodes, userState, join }: PushPull): Uint8Array {
  const writer = new ByteWriter(256 + nodes.length * 96).u8(TYPE.pushPull);
  packFields(writer, { Nodes: nodes.length, UserStateLen: userState.length, Join: join });
  for (const node of nodes)
    packFields(writer, {
      Name: node.name,
      Addr: node.address,
      Port: node.port,
      Meta: node.meta.length === 0 ? null : node.meta,
      Incarnation: node.incarnation,
      State: node.state,
      Vsn: node.versions,
    });
  return writer.put(userState).bytes();
}

export type StreamRead =
  | { readonly kind: "message"; readonly message: StreamMessage }
  | { readonly kind: "more" }
  | { readonly kind: "broken"; readonly reason: string };

const MORE = { kind: "more" } as const;
const broken = (reason: string): StreamRead => ({ kind: "broken", reason });

/** Reads what has come over TCP so far. */
export function decodeStream(bytes: Uint8Array, { cipher }: PacketOptions): StreamRead {
  if (bytes.length === 0) return MORE;
  if (bytes.length > MAX_STREAM) return broken("too long");
  if (bytes[0] !== TYPE.encrypt) return cipher === null ? decodePlain(bytes) : broken("not encrypted");
  if (cipher === null) return broken("encrypted, and no secret is set here");
  if (bytes.length < HEADER) return MORE;
  const length = new ByteReader(bytes, 1).u32();
  if (length > MAX_STREAM) return broken("too long");
  if (bytes.length < HEADER + length) return MORE;
  const plain = openPayload(bytes.subarray(HEADER, HEADER + length), cipher, bytes.subarray(0, HEADER));
  if (plain === null) return broken("sealed with another secret");
  const read = decodePlain(plain);
  return read.kind === "more" ? broken("cut") : read;
}

function decodePlain(bytes: Uint8Array): StreamRead {
  const reader = new ByteReader(bytes);
  switch (reader.u8()) {
    case TYPE.compress: {
      const plain = decompressed(reader, MAX_STREAM);
      if (plain === null) return reader.failed ? MORE : broken("not to be decompressed");
      const read = plain[0] === TYPE.compress ? MORE : decodePlain(plain);
      return read.kind === "more" ? broken("cut") : read;
    }
    case TYPE.pushPull:
      return decodePushPull(reader);
    case TYPE.error: {
      const text = unpackFields(reader).text("Error");
      return reader.failed ? MORE : { kind: "message", message: { kind: "error", text } };
    }
    case TYPE.user: {
      const payload = reader.view(unpackFields(reader).uint("UserMsgLen"));
      return reader.failed ? MORE : { kind: "message", message: { kind: "user", payload: payload.slice() } };
    }
    case TYPE.ping:
    case TYPE.ack: {
      const message = decodeMessage(bytes);
      if (message === null) return MORE;
      return message.kind === "ping" || message.kind === "ack" ? { kind: "message", message } : broken("unknown");
    }
    default:
      return broken("unknown");
  }
}

function decodePushPull(reader: ByteReader): StreamRead {
  const header = unpackFields(reader);
  if (reader.failed) return MORE;
  const count = header.uint("Nodes");
  if (count > MAX_NODES) return broken("too many members");
  const nodes: NodeState[] = [];
  for (let i = 0; i < count; i += 1) {
    const fields = unpackFields(reader);
    if (reader.failed) return MORE;
    const state = fields.uint("State");
    nodes.push({
      name: fields.text("Name"),
      address: fields.octets("Addr"),
      port: fields.uint("Port"),
      meta: fields.octets("Meta"),
      incarnation: fields.uint("Incarnation"),
      state: state <= MEMBER_STATE.left ? (state as MemberStateCode) : MEMBER_STATE.suspect,
      versions: fields.octets("Vsn"),
    });
  }
  const userState = reader.view(header.uint("UserStateLen"));
  if (reader.failed) return MORE;
  return {
    kind: "message",
    message: { kind: "push-pull", join: header.flag("Join"), nodes, userState: userState.slice() },
  };
}
