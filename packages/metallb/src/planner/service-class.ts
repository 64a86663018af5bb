import { allocatedFrom, type EndpointSlice, type Service } from "#api";
import { attributeText, type Pool, type PoolLookup, withOwnAttributes } from "#config";
import { type Ip, ipEquals, parseIp, unmap } from "#net";
import { bandwidthOf, type Speaking } from "./attributes.ts";
import type { Reason } from "./reasons.ts";

/** Addresses that a Service holds and the pool that they are from, or why it has none to announce. */
export type Holding = Held | Reason;

export interface Held {
  readonly ips: readonly Ip[];
  readonly pool: Pool;
  /** The Service's own status names the pool, and the pool has the addresses: no other pool can matter. */
  readonly isOwn: boolean;
}

/** Reads what the Service's status says. */
export function holdingOf(service: Service, pools: PoolLookup): Holding {
  const ips: Ip[] = [];
  for (const { ip: text } of service.ingress) {
    if (text === null) continue;
    const parsed = parseIp(text);
    if (!parsed.ok) return { reason: "invalidIP", facts: { ip: text.slice(0, 60) } };
    const address = unmap(parsed.value);
    if (!ips.some((other) => ipEquals(other, address))) ips.push(address);
  }
  if (ips.length === 0) return { reason: "noIPAllocated", facts: {} };
  const named = allocatedFrom(service);
  const pool = pools.carrying(ips, named);
  if (pool) return { ips, pool, isOwn: pool.name === named && ips.every((ip) => pool.addresses.has(ip)) };
  const texts = service.ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));
  return { reason: "ipNotAllowed", facts: { ips: texts.join(", ").slice(0, 200) } };
}

/** Whether a Service can be served from here, as far as its endpoints say. */
export type EndpointState = "ok" | "noEndpoints" | "noLocalEndpoints";

export function endpointState(service: Service, slices: Iterable<EndpointSlice>, node: string): EndpointState {
  const local = service.externalTrafficPolicy === "Local";
  for (const { endpoints } of slices)
    for (const { serving, hasAddress, nodeName } of endpoints)
      if (serving && hasAddress && (!local || nodeName === node)) return "ok";
  return local ? "noLocalEndpoints" : "noEndpoints";
}

/** How many endpoints that can serve are on the node. */
export function endpointsOn(slices: Iterable<EndpointSlice>, node: string): number {
  let count = 0;
  // A Service of two families has each Pod in two slices: so it has at every node, and weights are relative.
  for (const { endpoints } of slices)
    for (const { serving, hasAddress, nodeName } of endpoints) if (serving && hasAddress && nodeName === node) count++;
  return count;
}

/**
 * What many Services have in common: all that decides how their addresses are announced by BGP, but
 * the addresses. Whatever depends on the own node or the peers is worked out once a class, so that a
 * change of those costs as much as there are classes, not Services.
 */
export interface ServiceClass {
  /** Small, and used again once no Service is of the class. */
  readonly id: number;
  readonly key: string;
  readonly spec: ClassSpec;
  /** How many Services are of it. */
  services: number;
}

export type ClassSpec =
  | { readonly kind: "refused"; readonly reason: Reason }
  | {
      readonly kind: "held";
      readonly pool: Pool;
      readonly isOwn: boolean;
      /** Those of the pool that select the Service, with what it sets for itself. */
      readonly advertisements: readonly Speaking[];
      /** What it would set, and may not. */
      readonly ignored: readonly Reason[];
      readonly endpoints: EndpointState;
      /** The node is drained, and no other would announce it. */
      readonly isLast: boolean;
      readonly has4: boolean;
      readonly has6: boolean;
      /** Prefix lengths that the advertisements ask for, each once. */
      readonly lengths4: readonly number[];
      readonly lengths6: readonly number[];
    };

/** The classes that are in use, each once. */
export class ServiceClasses {
  private readonly byKey = new Map<string, ServiceClass>();
  private readonly byId: (ServiceClass | undefined)[] = [];
  private readonly free: number[] = [];
  private readonly unused = new Set<ServiceClass>();
  /** A pool object is another after each change that counts. */
  private readonly poolNumbers = new WeakMap<Pool, number>();
  private pools = 0;

  [Symbol.iterator](): Iterator<ServiceClass> {
    return this.byKey.values();
  }

  /** Whether a class that Services are of fits, and is announced. */
  some(
    fits: (each: ServiceClass) => boolean,
    context: { effect(of: ServiceClass): { readonly refused: Reason | null } },
  ): boolean {
    for (const each of this) if (fits(each) && !context.effect(each).refused) return true;
    return false;
  }

  at(id: number): ServiceClass {
    return this.byId[id] as ServiceClass;
  }

  refused(reason: Reason): ServiceClass {
    return this.intern(`${reason.reason} ${JSON.stringify(reason.facts)}`, () => ({ kind: "refused", reason }));
  }

  /** `weight`: how many endpoints of it are here; asked only where it counts. `isLast`: see {@link ClassSpec}. */
  held(
    service: Service,
    { ips, pool, isOwn }: Held,
    endpoints: EndpointState,
    weight: () => number,
    isLast: boolean,
  ): ServiceClass {
    const has4 = ips.some(({ family }) => family === 4);
    const has6 = ips.some(({ family }) => family === 6);
    let selected = "";
    let isAsked = false;
    let isWeighed = false;
    for (const { services, fromServices, weighsEndpoints } of pool.bgpAdvertisements) {
      const selects = services(service.labels);
      selected += selects ? "1" : "0";
      isAsked ||= selects && fromServices !== null;
      isWeighed ||= selects && weighsEndpoints;
    }
    const own = isAsked ? attributeText(service.annotations) : "";
    const count = isWeighed && endpoints === "ok" && service.externalTrafficPolicy === "Local" ? weight() : 0;
    const key = `${this.numberOf(pool)} ${selected} ${endpoints} ${has4 ? 4 : ""}${has6 ? 6 : ""} ${isOwn} ${isLast} ${count} ${own}`;
    return this.intern(key, () => {
      const chosen = pool.bgpAdvertisements.filter((_, i) => selected[i] === "1");
      const { advertisements, ignored } = speakingOf(chosen, service, count);
      const lengths4 = [...new Set(advertisements.map((each) => each.aggregationLength))];
      const lengths6 = [...new Set(advertisements.map((each) => each.aggregationLengthV6))];
      return { kind: "held", pool, isOwn, advertisements, ignored, endpoints, isLast, has4, has6, lengths4, lengths6 };
    });
  }

  /** A Service is of the class. */
  take(taken: ServiceClass): void {
    taken.services++;
  }

  /** A Service is not of it any more. */
  leave(left: ServiceClass): void {
    if (--left.services === 0) this.unused.add(left);
  }

  /** Forgets the classes that no Service is of; until then their ids mean the same. */
  sweep(): void {
    for (const each of this.unused) {
      if (each.services > 0) continue;
      this.byKey.delete(each.key);
      this.byId[each.id] = undefined;
      this.free.push(each.id);
    }
    this.unused.clear();
  }

  private numberOf(pool: Pool): number {
    let number = this.poolNumbers.get(pool);
    if (number === undefined) {
      number = ++this.pools;
      this.poolNumbers.set(pool, number);
    }
    return number;
  }

  private intern(key: string, spec: () => ClassSpec): ServiceClass {
    const known = this.byKey.get(key);
    if (known) return known;
    const made = { id: this.free.pop() ?? this.byId.length, key, spec: spec(), services: 0 };
    this.byKey.set(key, made);
    this.byId[made.id] = made;
    this.unused.add(made);
    return made;
  }
}

/** The advertisements as they speak of a Service that sets attributes, or that is weighed. */
function speakingOf(
  chosen: Pool["bgpAdvertisements"],
  { annotations }: Service,
  endpoints: number,
): Pick<Extract<ClassSpec, { kind: "held" }>, "advertisements" | "ignored"> {
  const ignored: Reason[] = [];
  const advertisements = chosen.map((each): Speaking => {
    const { advertisement, refused } = withOwnAttributes(each, annotations);
    for (const { annotation, why } of refused)
      ignored.push({ reason: "attributeRefused", facts: { annotation, advertisement: each.name, why } });
    return each.weighsEndpoints && endpoints > 0
      ? { ...advertisement, linkBandwidth: bandwidthOf(endpoints) }
      : advertisement;
  });
  return { advertisements, ignored };
}
