import type { ByteReader, ByteWriter } from "#net";

/** What a message holds: raw octets stay octets, since old MessagePack does not tell them from text. */
export type Packed = null | boolean | number | Uint8Array | readonly Packed[] | ReadonlyMap<string, Packed>;

/** Nesting that any message of the protocol needs, and a little more. */
const MAX_DEPTH = 6;

const decoder = new TextDecoder();
const octets = new TextEncoder();
/** Names of fields, encoded once. */
const names = new Map<string, Uint8Array>();

function nameOctets(name: string): Uint8Array {
  let encoded = names.get(name);
  if (!encoded) {
    encoded = octets.encode(name);
    names.set(name, encoded);
  }
  return encoded;
}

/** Text is nearly always short and ASCII: then this is much faster than the decoder. */
function decodeText(bytes: Uint8Array): string {
  if (bytes.length > 64) return decoder.decode(bytes);
  let text = "";
  for (const octet of bytes) {
    if (octet >= 0x80) return decoder.decode(bytes);
    text += String.fromCharCode(octet);
  }
  return text;
}

/** Writes a map of fields as Go's codec does: the old format, in which text and octets are both "raw". */
export function packFields(writer: ByteWriter, fields: Readonly<Record<string, PackedField>>): void {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  writer.u8(0x80 | entries.length);
  for (const [name, value] of entries) {
    packRaw(writer, nameOctets(name));
    packValue(writer, value);
  }
}

export type PackedField = number | boolean | string | Uint8Array | null | undefined;

function packValue(writer: ByteWriter, value: PackedField): void {
  if (typeof value === "number") packUint(writer, value);
  else if (typeof value === "boolean") writer.u8(value ? 0xc3 : 0xc2);
  else if (typeof value === "string") packRaw(writer, octets.encode(value));
  else if (value instanceof Uint8Array) packRaw(writer, value);
  else writer.u8(0xc0);
}

function packUint(writer: ByteWriter, value: number): void {
  if (value < 0x80) writer.u8(value);
  else if (value < 0x100) writer.u8(0xcc).u8(value);
  else if (value < 0x10000) writer.u8(0xcd).u16(value);
  else writer.u8(0xce).u32(value);
}

function packRaw(writer: ByteWriter, bytes: Uint8Array): void {
  if (bytes.length < 32) writer.u8(0xa0 | bytes.length);
  else if (bytes.length < 0x10000) writer.u8(0xda).u16(bytes.length);
  else writer.u8(0xdb).u32(bytes.length);
  writer.put(bytes);
}

/** Reads one value; `reader.failed` when it is cut or nested too deeply. Extensions are read as octets. */
export function unpack(reader: ByteReader, depth = 0): Packed {
  const first = reader.u8();
  if (reader.failed || depth > MAX_DEPTH) return fail(reader);
  if (first < 0x80) return first;
  if (first < 0x90) return unpackMap(reader, first & 0x0f, depth);
  if (first < 0xa0) return unpackArray(reader, first & 0x0f, depth);
  if (first < 0xc0) return reader.view(first & 0x1f);
  if (first >= 0xe0) return first - 0x100;
  switch (first) {
    case 0xc0:
      return null;
    case 0xc2:
    case 0xc3:
      return first === 0xc3;
    case 0xc4:
    case 0xd9:
      return reader.view(reader.u8());
    case 0xc5:
    case 0xda:
      return reader.view(reader.u16());
    case 0xc6:
    case 0xdb:
      return reader.view(reader.u32());
    case 0xca:
      return float(reader.view(4));
    case 0xcb:
      return float(reader.view(8));
    case 0xcc:
      return reader.u8();
    case 0xcd:
      return reader.u16();
    case 0xce:
      return reader.u32();
    case 0xcf:
      return reader.u32() * 0x1_0000_0000 + reader.u32();
    case 0xd0:
      return (reader.u8() << 24) >> 24;
    case 0xd1:
      return (reader.u16() << 16) >> 16;
    case 0xd2:
      return reader.u32() | 0;
    case 0xd3:
      return (reader.u32() | 0) * 0x1_0000_0000 + reader.u32();
    case 0xdc:
      return unpackArray(reader, reader.u16(), depth);
    case 0xdd:
      return unpackArray(reader, reader.u32(), depth);
    case 0xde:
      return unpackMap(reader, reader.u16(), depth);
    case 0xdf:
      return unpackMap(reader, reader.u32(), depth);
    default:
      return fail(reader);
  }
}

function float(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length === 8 ? view.getFloat64(0) : bytes.length === 4 ? view.getFloat32(0) : 0;
}

function fail(reader: ByteReader): null {
  reader.failed = true;
  return null;
}

/** Every element takes an octet at least: a length beyond the rest is a lie, and costs nothing. */
function unpackArray(reader: ByteReader, length: number, depth: number): Packed {
  if (length > reader.remaining) return fail(reader);
  const items: Packed[] = [];
  for (let i = 0; i < length && !reader.failed; i += 1) items.push(unpack(reader, depth + 1));
  return items;
}

function unpackMap(reader: ByteReader, length: number, depth: number): Packed {
  if (length * 2 > reader.remaining) return fail(reader);
  const fields = new Map<string, Packed>();
  for (let i = 0; i < length && !reader.failed; i += 1) {
    const name = unpack(reader, depth + 1);
    const value = unpack(reader, depth + 1);
    if (name instanceof Uint8Array) fields.set(decodeText(name), value);
    else return fail(reader);
  }
  return fields;
}

/** The fields of a struct, read with what they must be. A wrong or missing one gives the zero value, as in Go. */
export class Fields {
  private readonly fields: ReadonlyMap<string, Packed>;

  constructor(packed: Packed) {
    this.fields = packed instanceof Map ? packed : new Map();
  }

  uint(name: string): number {
    const value = this.fields.get(name);
    return typeof value === "number" && value > 0 ? Math.floor(value) : 0;
  }

  flag(name: string): boolean {
    return this.fields.get(name) === true;
  }

  octets(name: string): Uint8Array {
    const value = this.fields.get(name);
    return value instanceof Uint8Array ? value.slice() : new Uint8Array();
  }

  text(name: string): string {
    const value = this.fields.get(name);
    return value instanceof Uint8Array ? decodeText(value) : "";
  }
}

/** Reads one struct at the reader's place. */
export const unpackFields = (reader: ByteReader): Fields => new Fields(unpack(reader));
