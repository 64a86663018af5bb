import { ANNOTATIONS, allocatedFrom, annotation, type Service } from "#api";
import { err, type Family, formatIp, type Ip, ipEquals, ok, parseIp, type Result, unmap } from "#net";
import type { Holder } from "./holder.ts";
import { type Refusal, refuse } from "./reasons.ts";

/** What a Service asks for, read from its spec and annotations. */
export interface Claim {
  readonly service: Service;
  readonly holder: Holder;
  /** [4], [6] or [4, 6]. */
  readonly families: readonly Family[];
  /** Whether a dual-stack Service must have both. */
  readonly strict: boolean;
  /** The family to have when a dual-stack Service can get only one. */
  readonly primary: Family;
  /** Requested addresses, in the order of the Service's own families; null: none requested. */
  readonly request: Result<readonly Ip[], Refusal> | null;
  /** The same as read, also where they are not of the Service's families; null: none, or unreadable. */
  readonly asked: readonly Ip[] | null;
  /** Requested pool; null: none. */
  readonly pool: string | null;
  /** The pool that the Service's status says its addresses came from. */
  readonly from: string | null;
}

/** Why a Service has no claim at all, and whether what it holds is to be taken away. */
export interface NoClaim {
  readonly refusal: Refusal;
  readonly clears: boolean;
}

export function readClaim(service: Service): Result<Claim, NoClaim> {
  const { clusterIPs, ipFamilyPolicy } = service;
  if (clusterIPs.every((text) => text === "")) return err({ refusal: refuse("noClusterIP"), clears: true });
  if (ipFamilyPolicy === "RequireDualStack" && clusterIPs.length < 2)
    return err({ refusal: refuse("notEnoughClusterIPs"), clears: true });
  const families = familiesOf(clusterIPs);
  if (!families) return err({ refusal: refuse("clusterIPFamilies", { clusterIPs }), clears: false });
  const primary = service.ipFamilies[0] === "IPv6" ? 6 : 4;
  return ok({
    service,
    holder: holderOf(service),
    families,
    strict: ipFamilyPolicy !== "PreferDualStack",
    primary,
    ...readRequest(service, families, primary),
    pool: annotation(service, ANNOTATIONS.addressPool) || null,
    from: allocatedFrom(service),
  });
}

/** One address, or two of different families; else null. */
function familiesOf(texts: readonly string[]): readonly Family[] | null {
  const families: Family[] = [];
  for (const text of texts) {
    const address = parseIp(text);
    if (!address.ok) return null;
    families.push(unmap(address.value).family);
  }
  if (families.length === 1) return families;
  return families.length === 2 && families[0] !== families[1] ? [4, 6] : null;
}

export function holderOf(service: Service): Holder {
  const sharingKey = annotation(service, ANNOTATIONS.allowSharedIp) ?? "";
  return {
    key: service.key,
    group: sharingKey === "" ? null : JSON.stringify([sharingKey, backendKey(service)]),
    ports: service.ports.map(({ protocol, port }) => `${protocol}/${port}`),
  };
}

/**
 * Services with policy Local share an address only if the same Pods serve them, so that every node
 * that attracts the traffic can deliver it. One without a selector never goes with Cluster ones.
 */
function backendKey({ externalTrafficPolicy, selector }: Service): string {
  if (externalTrafficPolicy !== "Local") return "";
  const pairs = Object.entries(selector).map(([name, value]) => `${name}=${value}`);
  return `local ${pairs.sort().join(",")}`;
}

const MAX_REQUEST = 200;

function readRequest(service: Service, families: readonly Family[], primary: Family): Pick<Claim, "request" | "asked"> {
  const annotated = annotation(service, ANNOTATIONS.loadBalancerIPs) ?? "";
  const inSpec = service.loadBalancerIP ?? "";
  if (annotated === "" && inSpec === "") return { request: null, asked: null };
  if (annotated !== "" && inSpec !== "") return unread(refuse("requestTwice"));
  const field = annotated === "" ? "spec.loadBalancerIP" : "metallb.io/loadBalancerIPs";
  const value = annotated === "" ? inSpec : annotated;
  const invalid = () => unread(refuse("requestInvalid", { field, value: value.slice(0, MAX_REQUEST) }));
  if (value.length > MAX_REQUEST) return invalid();
  const ips: Ip[] = [];
  // Spaces are trimmed in the annotation alone.
  for (const part of annotated === "" ? [inSpec] : annotated.split(",").map((each) => each.trim())) {
    const address = parseIp(part);
    if (!address.ok) return invalid();
    ips.push(unmap(address.value));
  }
  if (ips.length > 2) return invalid();
  if (ips.length === 2 && ips[0]?.family === ips[1]?.family)
    return unread(refuse("requestSameFamily", { field, value }));
  ips.sort((a, b) => a.family - b.family);
  if (ips.length !== families.length || ips.some(({ family }, i) => family !== families[i]))
    return { request: err(refuse("requestFamily", { ips: ips.map(formatIp) })), asked: ips };
  if (primary === 6) ips.reverse();
  return { request: ok(ips), asked: ips };
}

const unread = (refusal: Refusal): Pick<Claim, "request" | "asked"> => ({ request: err(refusal), asked: null });

/**
 * The addresses that a Service's status holds, in its order; entries with only a hostname do not count.
 * Null when they cannot be an allocation: unreadable, more than two, or two of one family.
 */
export function statusIps(service: Service): readonly Ip[] | null {
  const ips: Ip[] = [];
  for (const { ip: text } of service.ingress) {
    if (text === null || text === "") continue;
    const address = parseIp(text);
    if (!address.ok) return null;
    ips.push(unmap(address.value));
  }
  return ips.length > 2 || (ips.length === 2 && ips[0]?.family === ips[1]?.family) ? null : ips;
}

/** The same addresses in any order. */
export const sameIpSet = (a: readonly Ip[], b: readonly Ip[]): boolean =>
  a.length === b.length && a.every((address) => b.some((other) => ipEquals(address, other)));
