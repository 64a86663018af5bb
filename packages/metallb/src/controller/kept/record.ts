import type { KeptRecord } from "#allocator";
import { formatIp, type Instant, type Ip, parseIp, type Timestamp, unmap } from "#net";

/** How a clock that never goes back stands to the one that people read. */
export interface Clocks {
  readonly instant: Instant;
  readonly timestamp: Timestamp;
}

/** One line for each Service whose addresses are kept: its name → what is kept, as JSON. */
export type KeptData = Readonly<Record<string, string>>;

/** An object's values may have a mebibyte together. */
const MAX_DATA = 900_000;
const MAX_VALUE = 4_000;

/** A namespace has no dot, so that the first one ends it; a key of a ConfigMap may have no slash. */
const nameOf = (key: string): string => key.replace("/", ".");

export function keptLine({ ips, pool, group, ports, until }: KeptRecord, { instant, timestamp }: Clocks): string {
  // To the second, and later rather than sooner.
  const end = new Date(Math.ceil((timestamp + until - instant) / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
  const sharing = group === null ? {} : { sharing: { group, ports } };
  return JSON.stringify({ addresses: ips.map(formatIp), pool, until: end, ...sharing });
}

/** What fits, those that end last first; `left`: how many do not. */
export function keptData(lines: Iterable<readonly [key: string, until: Instant, line: string]>): {
  readonly data: KeptData;
  readonly left: number;
  readonly size: number;
} {
  const data: Record<string, string> = {};
  let [size, left] = [0, 0];
  for (const [key, , line] of [...lines].sort(([a, u], [b, v]) => v - u || (a < b ? -1 : 1))) {
    const more = key.length + Buffer.byteLength(line);
    if (size + more > MAX_DATA || line.length > MAX_VALUE) left++;
    else {
      size += more;
      data[nameOf(key)] = line;
    }
  }
  return { data, left, size };
}

/** What an object holds, whoever wrote it: what cannot be read is left out, and named. */
export function readKept(
  data: unknown,
  clocks: Clocks,
): { readonly records: readonly KeptRecord[]; readonly broken: readonly string[] } {
  const records: KeptRecord[] = [];
  const broken: string[] = [];
  for (const [name, text] of Object.entries(fields(data))) {
    const record = readLine(name, text, clocks);
    if (record) records.push(record);
    else broken.push(name);
  }
  return { records, broken };
}

function readLine(name: string, text: unknown, { instant, timestamp }: Clocks): KeptRecord | null {
  const dot = name.indexOf(".");
  if (dot < 1 || typeof text !== "string" || text.length > MAX_VALUE) return null;
  const { addresses, pool, until, sharing } = fields(parse(text));
  const { group = null, ports = [] } = fields(sharing);
  const end = typeof until === "string" ? Date.parse(until) : Number.NaN;
  const ips = readAddresses(addresses);
  if (ips === null || typeof pool !== "string" || Number.isNaN(end)) return null;
  if ((group !== null && typeof group !== "string") || !isTexts(ports)) return null;
  const key = `${name.slice(0, dot)}/${name.slice(dot + 1)}`;
  return { key, ips, pool, group, ports, until: instant + end - timestamp };
}

/** One, or one of each family. */
function readAddresses(value: unknown): readonly Ip[] | null {
  if (!isTexts(value) || value.length < 1 || value.length > 2) return null;
  const ips = value.flatMap((text) => {
    const address = parseIp(text);
    return address.ok ? [unmap(address.value)] : [];
  });
  return ips.length === value.length && new Set(ips.map(({ family }) => family)).size === ips.length ? ips : null;
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === "string");

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
