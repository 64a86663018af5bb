import { readFileSync } from "node:fs";
import { badRequest } from "../base/errors.ts";
import { type Json, type JsonObject, put } from "../base/json.ts";

/**
 * Reads bodies in Kubernetes' protobuf: kubectl's typed commands (`create namespace`, `create secret`, …)
 * send nothing else. Answers stay JSON, which every client takes.
 */

/** Field number → [name, type]; the type's mark is `[]` for a list, `{}` for a map, `<` for an inlined message. */
type Fields = Readonly<Record<string, readonly [string, string]>>;

let table: Readonly<Record<string, Fields>> | null = null;

const messages = (): Readonly<Record<string, Fields>> => {
  table ??= JSON.parse(readFileSync(new URL("./protobuf.json", import.meta.url), "utf8")) as Record<string, Fields>;
  return table;
};

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const MAGIC = Buffer.from("k8s\0");
const MAX_DEPTH = 32;

/** Takes a body to the object it encodes. @throws ApiError 400 */
export function parseProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC))
    throw badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  const envelope = new Map(fieldsIn(body.subarray(4)));
  const type = new Map(fieldsIn(bytesOf(envelope.get(1))));
  const apiVersion = bytesOf(type.get(1)).toString();
  const kind = bytesOf(type.get(2)).toString();
  const name = kind === "DeleteOptions" ? `${META}.DeleteOptions` : `io.k8s.api.${groupOf(apiVersion)}.v1.${kind}`;
  if (!messages()[name])
    throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  return { apiVersion, kind, ...message(bytesOf(envelope.get(2)), name, 0) };
}

const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? (apiVersion.split(".")[0] ?? "") : "core");

type Value = Buffer | bigint;

const bytesOf = (value: Value | undefined): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));

/** Number and raw value of each field. @throws ApiError 400 on a broken encoding */
function* fieldsIn(bytes: Buffer): Generator<[number, Value]> {
  let at = 0;
  const broken = () => badRequest("proto: illegal wire format");
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw broken();
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw broken();
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw broken();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === 0) yield [tag >>> 3, varint()];
    else if (wire === 1) yield [tag >>> 3, take(8)];
    else if (wire === 2) yield [tag >>> 3, take(Number(varint()))];
    else if (wire === 5) yield [tag >>> 3, take(4)];
    else throw broken();
  }
}

function message(bytes: Buffer, name: string, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw badRequest("proto: nested too deep");
  const known = messages()[name] ?? {};
  const made: JsonObject = {};
  for (const [number, raw] of fieldsIn(bytes)) {
    const field = known[number];
    if (!field) continue;
    const [member, marked] = field;
    if (marked.startsWith("[]")) {
      const list = made[member];
      const item = value(raw, marked.slice(2), depth);
      if (Array.isArray(list)) list.push(item);
      else made[member] = [item];
    } else if (marked.startsWith("{}")) {
      const entry = new Map(fieldsIn(bytesOf(raw)));
      const map = (made[member] ?? {}) as JsonObject;
      put(map, bytesOf(entry.get(1)).toString(), value(entry.get(2) ?? Buffer.alloc(0), marked.slice(2), depth));
      made[member] = map;
    } else if (marked.startsWith("<")) Object.assign(made, message(bytesOf(raw), marked.slice(1), depth + 1));
    else {
      const read = value(raw, marked, depth);
      // Fields without a pointer are written with their zero, which JSON leaves out.
      if (read !== "" && read !== null) made[member] = read;
    }
  }
  return made;
}

function value(raw: Value, type: string, depth: number): Json {
  switch (type) {
    case "string":
      return bytesOf(raw).toString();
    case "bytes":
      return bytesOf(raw).toString("base64");
    case "bool":
      return raw === 1n;
    case "int32":
    case "int64":
    case "uint32":
    case "uint64":
      return typeof raw === "bigint" ? Number(BigInt.asIntN(64, raw)) : 0;
    case "double":
      return bytesOf(raw).length === 8 ? bytesOf(raw).readDoubleLE() : 0;
    default: {
      const single = special(bytesOf(raw), type);
      return single === undefined ? message(bytesOf(raw), type, depth + 1) : single;
    }
  }
}

/** Messages whose JSON is a single value. */
function special(bytes: Buffer, type: string): Json | undefined {
  const fields = () => new Map(fieldsIn(bytes));
  const integer = (found: Value | undefined) => (typeof found === "bigint" ? Number(BigInt.asIntN(64, found)) : 0);
  switch (type.slice(type.lastIndexOf(".") + 1)) {
    case "Time":
    case "MicroTime": {
      const read = fields();
      if (read.size === 0) return null;
      const iso = new Date(integer(read.get(1)) * 1000).toISOString();
      const micros = String(Math.trunc(integer(read.get(2)) / 1000)).padStart(6, "0");
      return type.endsWith("MicroTime") ? `${iso.slice(0, 19)}.${micros}Z` : `${iso.slice(0, 19)}Z`;
    }
    case "IntOrString": {
      const read = fields();
      return integer(read.get(1)) === 0 ? integer(read.get(2)) : bytesOf(read.get(3)).toString();
    }
    case "Quantity":
      return bytesOf(fields().get(1)).toString();
    case "FieldsV1":
      return JSON.parse(bytesOf(fields().get(1)).toString() || "{}") as Json;
    default:
      return undefined;
  }
}
