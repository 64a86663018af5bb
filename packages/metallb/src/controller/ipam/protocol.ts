import type { Ask } from "#allocator";
import { err, formatIp, type Ip, ok, parseIp, type Result, unmap } from "#net";

/** A Service as an IPAM hears of it. */
export interface Owner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** What an IPAM has for this cluster. */
export interface Allocation {
  readonly address: Ip;
  readonly uid: string;
}

export interface Page {
  readonly items: readonly Allocation[];
  /** Names the next page; empty: this was the last. */
  readonly next: string;
}

/** `adopt`: the Service has the address already. */
export const allocationBody = ({ uid, namespace, name }: Owner, ask: Ask, adopt: boolean): object => ({
  uid,
  namespace,
  name,
  pool: ask.pool,
  range: ask.range,
  family: ask.family === 4 ? "IPv4" : "IPv6",
  ...(ask.wanted === null ? {} : { address: formatIp(ask.wanted) }),
  ...(adopt ? { adopt: true } : {}),
});

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

/** The address that an answer to an allocation names. */
export function readAddress(answer: unknown): Result<Ip> {
  const { address } = fields(answer);
  if (typeof address !== "string") return err("it names no address");
  const parsed = parseIp(address.slice(0, 64));
  return parsed.ok ? ok(unmap(parsed.value)) : err(`it names no IP address: ${parsed.error}`);
}

const MAX_UID = 200;
const MAX_TOKEN = 2_000;

export function readPage(answer: unknown): Result<Page> {
  const { items, continue: next = "" } = fields(answer);
  if (!Array.isArray(items)) return err("it has no items");
  if (typeof next !== "string" || next.length > MAX_TOKEN) return err("its field continue is no short text");
  const read: Allocation[] = [];
  for (const item of items) {
    const address = readAddress(item);
    const { uid } = fields(item);
    if (!address.ok) return address;
    if (typeof uid !== "string" || uid === "" || uid.length > MAX_UID) return err("an item has no uid");
    read.push({ address: address.value, uid });
  }
  return ok({ items: read, next });
}

/** What the IPAM says of itself, for people: one line, short. */
export function readReason(answer: unknown, fallback: string): string {
  const { message } = fields(answer);
  const text = typeof message === "string" && message !== "" ? message : fallback;
  return text.replace(/\p{Cc}+/gu, " ").slice(0, 200);
}
