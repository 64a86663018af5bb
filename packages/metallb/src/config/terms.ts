import type { IPAddressPool } from "#api";
import { type Duration, formatIp, type Ip, parseIp, type RangeSet, unmap } from "#net";
import { parseDuration } from "./duration.ts";
import type { PoolTerms } from "./pool-terms.ts";
import { type ProblemList, quoted } from "./problems.ts";

export type { PoolTerms } from "./pool-terms.ts";

const RESERVED = "metallb.io/reserved-addresses";
const QUOTAS = "metallb.io/namespace-quotas";
const KEEP = "metallb.io/keep-after-deletion";
const IPAM = "metallb.io/ipam";
/** Seconds. */
const MAX_KEEP = 7 * 24 * 3600;
/** An annotation can be 256 KiB long; so many entries are enough for a pool. */
const MAX_ENTRIES = 1_000;
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** What an IPAM may call a range: an opaque text, handed on as it is. */
const RANGE_NAME = /^[\x21-\x7e]([\x20-\x7e]{0,198}[\x21-\x7e])?$/;
const SERVICE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What the annotations of a pool say; null: nothing. */
export function readTerms(
  { annotations }: IPAddressPool,
  addresses: RangeSet,
  problems: ProblemList,
): PoolTerms | null {
  const reserved = new Map<string, Ip[]>();
  const taken = new Set<string>();
  for (const [text, service] of entries(annotations[RESERVED], RESERVED, problems)) {
    const address = parseIp(text);
    const complaint = !address.ok
      ? address.error
      : !addresses.has(unmap(address.value))
        ? `${quoted(text)} is not in the pool`
        : !SERVICE.test(service)
          ? `${quoted(service)} is not namespace/name of a Service`
          : taken.has(formatIp(unmap(address.value)))
            ? `${quoted(text)} is reserved twice`
            : null;
    if (complaint !== null) problems.add("invalidReservation", path(RESERVED), complaint);
    if (complaint !== null || !address.ok) continue;
    const own = unmap(address.value);
    taken.add(formatIp(own));
    reserved.set(service, [...(reserved.get(service) ?? []), own]);
  }
  const quotas = new Map<string, number>();
  for (const [namespace, text] of entries(annotations[QUOTAS], QUOTAS, problems)) {
    const quota = Number(text);
    if (!/^\d{1,9}$/.test(text))
      problems.add("invalidQuota", path(QUOTAS), `${quoted(text)} is not a number of addresses`);
    else if (namespace !== "*" && !NAME.test(namespace))
      problems.add("invalidQuota", path(QUOTAS), `${quoted(namespace)} is not the name of a namespace`);
    else if (quotas.has(namespace)) problems.add("invalidQuota", path(QUOTAS), `${quoted(namespace)} has two quotas`);
    else quotas.set(namespace, quota);
  }
  const keepFor = readKeepTime(annotations[KEEP], problems);
  const ipam = readIpam(annotations[IPAM], reserved.size > 0, problems);
  if (reserved.size + quotas.size + keepFor === 0 && ipam === null) return null;
  return { reserved, quotas, ...(keepFor > 0 ? { keepFor } : {}), ...(ipam === null ? {} : { ipam }) };
}

/** A mistake freezes the pool, so that it gives nothing by itself that the IPAM does not know of. */
function readIpam(text: string | undefined, reserves: boolean, problems: ProblemList): string | null {
  if (text === undefined) return null;
  if (!RANGE_NAME.test(text))
    problems.add(
      "invalidIpam",
      path(IPAM),
      `${quoted(text)} is not the name of a range: 1 to 200 printable characters`,
    );
  if (reserves)
    problems.add("invalidIpam", path(IPAM), `the IPAM chooses the addresses, so ${RESERVED} has no place beside it`);
  return text;
}

function readKeepTime(text: string | undefined, problems: ProblemList): Duration {
  if (text === undefined || text === "") return 0;
  const seconds = parseDuration(text);
  const complaint = !seconds.ok
    ? seconds.error
    : seconds.value > MAX_KEEP
      ? `${quoted(text)} is more than a week`
      : null;
  if (complaint !== null) problems.add("invalidKeepTime", path(KEEP), complaint);
  return seconds.ok && complaint === null ? Math.round(seconds.value * 1000) : 0;
}

const path = (annotation: string): string => `metadata.annotations[${annotation}]`;

/** `key=value, key=value` */
function entries(text: string | undefined, annotation: string, problems: ProblemList): readonly [string, string][] {
  const parts = (text ?? "").split(",", MAX_ENTRIES + 1).map((part) => part.trim());
  const code = annotation === QUOTAS ? "invalidQuota" : "invalidReservation";
  if (parts.length > MAX_ENTRIES) problems.add(code, path(annotation), `more than ${MAX_ENTRIES} entries`);
  return parts.slice(0, MAX_ENTRIES).flatMap((part): [string, string][] => {
    if (part === "") return [];
    const at = part.indexOf("=");
    if (at < 0) problems.add(code, path(annotation), `${quoted(part)} has no "="`);
    return at < 0 ? [] : [[part.slice(0, at).trim(), part.slice(at + 1).trim()]];
  });
}
