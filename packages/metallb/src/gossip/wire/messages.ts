import { ByteReader, ByteWriter } from "#net";
import { type Fields, packFields, unpackFields } from "./msgpack.ts";

/** hashicorp/memberlist's message types. */
export const TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6,
  compound: 7,
  user: 8,
  compress: 9,
  encrypt: 10,
  nack: 11,
  crc: 12,
  error: 13,
} as const;

/** Where the sender of a ping can be reached; empty where the sender left it out. */
interface Source {
  readonly sourceAddress: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

export interface Ping extends Source {
  readonly kind: "ping";
  readonly sequence: number;
  readonly node: string;
}
export interface IndirectPing extends Source {
  readonly kind: "indirect-ping";
  readonly sequence: number;
  readonly target: Uint8Array;
  readonly port: number;
  readonly node: string;
  /** The asker wants to know when there is no answer. */
  readonly nack: boolean;
}
export interface Ack {
  readonly kind: "ack";
  readonly sequence: number;
}
export interface Nack {
  readonly kind: "nack";
  readonly sequence: number;
}
export interface Suspect {
  readonly kind: "suspect";
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}
export interface Alive {
  readonly kind: "alive";
  readonly incarnation: number;
  readonly node: string;
  readonly address: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array;
  /** Protocol minimum, maximum, current, then the same of the delegate. */
  readonly versions: Uint8Array;
}
export interface Dead {
  readonly kind: "dead";
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}
export interface User {
  readonly kind: "user";
  readonly payload: Uint8Array;
}

export type GossipMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User;

const optional = (bytes: Uint8Array): Uint8Array | undefined => (bytes.length === 0 ? undefined : bytes);

const sourceFields = ({ sourceAddress, sourcePort, sourceNode }: Source) => ({
  SourceAddr: optional(sourceAddress),
  SourcePort: sourcePort === 0 ? undefined : sourcePort,
  SourceNode: sourceNode === "" ? undefined : sourceNode,
});

/** A message as it stands alone in a datagram. */
export function encodeMessage(message: GossipMessage): Uint8Array {
  const writer = new ByteWriter(128);
  switch (message.kind) {
    case "ping":
      packFields(writer.u8(TYPE.ping), {
        SeqNo: message.sequence,
        Node: message.node,
        ...sourceFields(message),
      });
      break;
    case "indirect-ping":
      packFields(writer.u8(TYPE.indirectPing), {
        SeqNo: message.sequence,
        Target: message.target,
        Port: message.port,
        Node: message.node,
        Nack: message.nack,
        ...sourceFields(message),
      });
      break;
    case "ack":
      packFields(writer.u8(TYPE.ack), { SeqNo: message.sequence, Payload: null });
      break;
    case "nack":
      packFields(writer.u8(TYPE.nack), { SeqNo: message.sequence });
      break;
    case "suspect":
    case "dead":
      packFields(writer.u8(TYPE[message.kind]), {
        Incarnation: message.incarnation,
        Node: message.node,
        From: message.from,
      });
      break;
    case "alive":
      packFields(writer.u8(TYPE.alive), {
        Incarnation: message.incarnation,
        Node: message.node,
        Addr: message.address,
        Port: message.port,
        Meta: optional(message.meta) ?? null,
        Vsn: message.versions,
      });
      break;
    case "user":
      writer.u8(TYPE.user).put(message.payload);
  }
  return writer.bytes();
}

/** Null: unknown, or broken. */
export function decodeMessage(bytes: Uint8Array): GossipMessage | null {
  const reader = new ByteReader(bytes);
  const type = reader.u8();
  if (type === TYPE.user) return { kind: "user", payload: bytes.slice(1) };
  const fields = unpackFields(reader);
  return reader.failed ? null : messageOf(type, fields);
}

function messageOf(type: number, fields: Fields): GossipMessage | null {
  const sequence = fields.uint("SeqNo");
  const node = fields.text("Node");
  switch (type) {
    case TYPE.ping:
      return { kind: "ping", sequence, node, ...sourceOf(fields) };
    case TYPE.indirectPing:
      return {
        kind: "indirect-ping",
        sequence,
        node,
        target: fields.octets("Target"),
        port: fields.uint("Port"),
        nack: fields.flag("Nack"),
        ...sourceOf(fields),
      };
    case TYPE.ack:
      return { kind: "ack", sequence };
    case TYPE.nack:
      return { kind: "nack", sequence };
    case TYPE.suspect:
    case TYPE.dead:
      return {
        kind: type === TYPE.suspect ? "suspect" : "dead",
        incarnation: fields.uint("Incarnation"),
        node,
        from: fields.text("From"),
      };
    case TYPE.alive:
      return {
        kind: "alive",
        incarnation: fields.uint("Incarnation"),
        node,
        address: fields.octets("Addr"),
        port: fields.uint("Port"),
        meta: fields.octets("Meta"),
        versions: fields.octets("Vsn"),
      };
    default:
      return null;
  }
}

const sourceOf = (fields: Fields): Source => ({
  sourceAddress: fields.octets("SourceAddr"),
  sourcePort: fields.uint("SourcePort"),
  sourceNode: fields.text("SourceNode"),
});
