import { err, formatIp, ok, parseIp, type Result } from "#net";
import type { RecordedEvent } from "./event-ring.ts";
import type { BgpEvent } from "./events.ts";

/** What a file of a dump begins with, so that another file is known as one. */
const FORMAT = "metallb-bgp-dump/1";

/** The most events that are read. */
const MAX_EVENTS = 100_000;

/** The last events of an engine as text, for people too: addresses as they are written, octets in hex. */
export function encodeDump(events: readonly RecordedEvent[]): string {
  const lines = events.map((event) => JSON.stringify(event, outward));
  return `{"format":${JSON.stringify(FORMAT)},"events":[\n${lines.join(",\n")}\n]}\n`;
}

/** Reads a dump. The error says what it is instead. */
export function decodeDump(text: string): Result<readonly RecordedEvent[]> {
  const sets = new Map<string, object>();
  let read: unknown;
  try {
    read = JSON.parse(text, (key, value) => inward(key, value, sets));
  } catch {
    return err("it is no JSON");
  }
  const { format, events } = (typeof read === "object" && read !== null ? read : {}) as Record<string, unknown>;
  if (format !== FORMAT || !Array.isArray(events)) return err(`it is no dump of BGP events (${FORMAT})`);
  if (events.length > MAX_EVENTS) return err(`it has more than ${MAX_EVENTS} events`);
  const wrong = events.findIndex((event) => !isRecorded(event));
  return wrong < 0 ? ok(events as readonly RecordedEvent[]) : err(`its event ${wrong + 1} is none`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

const isIp = (value: unknown): value is { readonly family: 4 | 6; readonly value: bigint } =>
  isObject(value) && typeof value.value === "bigint" && (value.family === 4 || value.family === 6);

function outward(_: string, value: unknown): unknown {
  if (isIp(value)) return { ip: formatIp(value) };
  if (value instanceof Uint8Array)
    return { hex: Array.from(value, (octet) => octet.toString(16).padStart(2, "0")).join("") };
  return value;
}

/** Equal attribute sets become one object again: packing groups by identity. */
function inward(key: string, value: unknown, sets: Map<string, object>): unknown {
  if (!isObject(value)) return value;
  const { ip, hex } = value;
  if (typeof ip === "string" && Object.keys(value).length === 1) {
    const parsed = parseIp(ip);
    return parsed.ok ? parsed.value : null;
  }
  if (typeof hex === "string" && Object.keys(value).length === 1)
    return Uint8Array.from({ length: hex.length >> 1 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16));
  if (key !== "attributes") return value;
  const text = JSON.stringify(value);
  const known = sets.get(text) ?? value;
  sets.set(text, known);
  return known;
}

const KINDS: Readonly<Record<BgpEvent["kind"], true>> = {
  "peer-set": true,
  "peer-removed": true,
  routes: true,
  connected: true,
  "connect-failed": true,
  accepted: true,
  guarded: true,
  unguarded: true,
  link: true,
  received: true,
  closed: true,
  drained: true,
  time: true,
  "peer-down": true,
  "peer-up": true,
  drain: true,
  shutdown: true,
};

/** What holds an event; whether all of its parts are there only a replay tells. */
const isRecorded = (value: unknown): boolean =>
  isObject(value) &&
  [value.number, value.at, value.leftOut].every(Number.isFinite) &&
  Array.isArray(value.random) &&
  value.random.every((each) => typeof each === "number" && each >= 0 && each <= 1) &&
  isObject(value.event) &&
  (KINDS as Readonly<Record<string, unknown>>)[String(value.event.kind)] === true;
