import type { Outcome, PoolUsage } from "#allocator";
import { type AllocationChanges, type AllocationWorld, Allocator, type Decision, type Note } from "#allocator";
import { deprecatedAnnotations } from "#api";
import type { Pool } from "#config";
import { formatIp, type Instant, parseIp } from "#net";
import { conditionOf } from "./condition.ts";
import { Expectations } from "./expectations.ts";
import { type Intention, says, saysAddresses } from "./intention.ts";
import { Overwrites } from "./overwrites.ts";
import type { WatchedService } from "./watched-service.ts";

/** Who says which Service gets which addresses: the allocator, or one that asks somebody outside first. */
export interface AddressSource {
  readonly outcomes: ReadonlyMap<string, Outcome>;
  usage(): readonly PoolUsage[];
  /** When something is to be decided although nothing changes; null: never. */
  readonly wakeAt: Instant | null;
  /** `now` on a clock that never goes back. */
  decide(world: AllocationWorld, changes: AllocationChanges, now: Instant): readonly Decision[];
}

/** What a turn asks for. */
export type Act =
  | { readonly kind: "note"; readonly service: WatchedService; readonly note: Note }
  /** `service` is what the decision was made on. */
  | { readonly kind: "write"; readonly service: WatchedService; readonly intention: Intention }
  /** The Service says what was decided, or nothing was: a write that waits is not to be made. */
  | { readonly kind: "settle"; readonly key: string }
  /** The Service is gone: nothing of it is written any more. */
  | { readonly kind: "forget"; readonly key: string };

/**
 * The heart of the controller, pure: what changed goes in, and what is to be written and told comes
 * out. What was decided and is not seen yet is laid over what the watch shows; what somebody else wrote
 * over it is put right, and not for ever.
 */
export class Decider {
  private readonly services: ReadonlyMap<string, WatchedService>;
  private readonly source: AddressSource;
  private readonly expectations = new Expectations();
  private readonly overwrites = new Overwrites();

  constructor(services: ReadonlyMap<string, WatchedService>, source: AddressSource = new Allocator()) {
    this.services = services;
    this.source = source;
  }

  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.source.outcomes;
  }

  usage(): readonly PoolUsage[] {
    return this.source.usage();
  }

  /** When a turn is due although nothing changes; null: never. */
  get wakeAt(): Instant | null {
    return this.source.wakeAt;
  }

  /** A write of the Service on version `base` made version `made`. */
  wrote(key: string, base: string, made: string): void {
    this.expectations.wrote(key, base, made);
  }

  /** `now` in milliseconds of a clock that never goes back. */
  turn(keys: readonly string[], pools: readonly Pool[] | null, poolsChanged: boolean, now: Instant): readonly Act[] {
    const { services, expectations } = this;
    const acts: Act[] = [];
    const overwritten = new Set<string>();
    for (const key of keys) {
      const service = services.get(key);
      if (!service) {
        expectations.forget(key);
        this.overwrites.forget(key);
        acts.push({ kind: "forget", key });
      } else if (this.isOverwritten(service)) overwritten.add(key);
    }
    const view = {
      keys: () => services.keys(),
      get: (key: string) => {
        const service = services.get(key);
        // What is to be cleared is decided on as it is: seen as if it were, it would not be looked at again.
        return service?.type === "LoadBalancer" ? expectations.view(service) : service;
      },
    };
    const decisions = this.source.decide({ services: view, pools }, { services: keys, pools: poolsChanged }, now);
    const settled = new Set(keys);
    for (const decision of decisions) {
      const write = this.act(decision, overwritten.has(decision.key), now, acts);
      if (write) acts.push(write);
      if (write) settled.delete(decision.key);
      else settled.add(decision.key);
    }
    for (const key of settled) acts.push({ kind: "settle", key });
    return acts;
  }

  /** Whether the Service said what we want, and does not any more although we want it still. */
  private isOverwritten(service: WatchedService): boolean {
    this.expectations.view(service);
    const outcome = this.outcomes.get(service.key);
    if (!outcome || service.type !== "LoadBalancer" || this.expectations.has(service.key)) return false;
    const desired = outcome.kind === "allocated" ? { ips: outcome.ips, pool: outcome.pool } : null;
    return desired !== null && !saysAddresses(service, desired);
  }

  /** Adds what is to be told; returns the write that the decision asks for, if any. */
  private act(
    { key, desired, notes, outcome }: Decision,
    overwritten: boolean,
    now: Instant,
    acts: Act[],
  ): Extract<Act, { readonly kind: "write" }> | null {
    const service = this.services.get(key);
    if (!service) return null;
    const intention: Intention = { desired, condition: conditionOf(outcome) };
    const note = (each: Note) => acts.push({ kind: "note", service, note: each });
    const isShown = !this.expectations.has(key);
    const isLeft = overwritten && this.overwrites.isLeft(key);
    for (const each of notes) if (!(isLeft && OF_THE_STATUS.has(each.reason))) note(each);
    if (outcome.kind === "released" && desired === null && service.condition === undefined) return null;
    if (desired) this.expectations.expect(service, desired.ips.map(formatIp));
    const addressed = desired === null || saysAddresses(service, desired);
    if (desired && addressed) this.overwrites.settled(key);
    if (says(service, intention)) return null;
    if (addressed)
      return this.overwrites.mayTell(service, intention, now) ? { kind: "write", service, intention } : null;
    const ruling = this.overwrites.rule(service, intention, overwritten, now);
    if (ruling.kind === "leave") {
      const { condition, isNews } = ruling;
      this.expectations.forget(key);
      if (!isNews) return null;
      note({ type: "Warning", reason: "StatusOverwritten", message: condition.message });
      return { kind: "write", service, intention: { desired: null, condition } };
    }
    if (isShown) for (const each of notesOfChange(service, intention, notes)) note(each);
    const deprecated = deprecatedAnnotations(service);
    if (deprecated.length > 0)
      note({
        type: "Warning",
        reason: "deprecatedAnnotation",
        message: `deprecated annotations, use the prefix metallb.io/ instead: ${deprecated.join(", ")}`,
      });
    return { kind: "write", service, intention };
  }
}

/** What is told of addresses that somebody else wrote. */
const OF_THE_STATUS: ReadonlySet<string> = new Set(["ClearAssignment", "nolbIPsIPFamily"]);

/**
 * Upstream tells of every set of addresses that it writes anew (contract 4.6, 4.7): also where somebody
 * emptied or changed the status, and where one address of two is dropped. That what stood there could
 * not be kept the allocator tells.
 */
function notesOfChange(service: WatchedService, { desired }: Intention, told: readonly Note[]): readonly Note[] {
  if (!desired || desired.ips.length === 0) return [];
  if (told.some(({ reason }) => reason === "IPAllocated")) return [];
  const wanted = desired.ips.map(formatIp);
  const stood = service.ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));
  if (stood.length === wanted.length && stood.every((text) => wanted.includes(canonical(text)))) return [];
  return [{ type: "Normal", reason: "IPAllocated", message: `Assigned IP ${quoted(wanted)}` }];
}

function canonical(text: string): string {
  const address = parseIp(text);
  return address.ok ? formatIp(address.value) : text;
}

const quoted = (ips: readonly string[]): string => `[${ips.map((ip) => JSON.stringify(ip.slice(0, 60))).join(" ")}]`;
