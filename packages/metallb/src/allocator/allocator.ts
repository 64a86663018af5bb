import { ALLOCATED_FROM_POOL, type Service } from "#api";
import type { Pool } from "#config";
import { formatIp, type Ip } from "#net";
import { AddressIndex, type Holding, need, sameHolder } from "./address-index.ts";
import { type Choice, check, choose } from "./choose.ts";
import { type Claim, readClaim, sameIpSet, statusIps } from "./claim.ts";
import type { Decision, Desired, Note, Outcome } from "./decision.ts";
import { PoolCatalog } from "./pool-catalog.ts";
import { quoteList, type Refusal, refuse } from "./reasons.ts";
import { Waiters } from "./waiters.ts";

export interface AllocationWorld {
  readonly services: Pick<ReadonlyMap<string, Service>, "get" | "keys">;
  /** Null until the configuration was read once: then nothing is decided. */
  readonly pools: readonly Pool[] | null;
}

export interface AllocationChanges {
  readonly services: Iterable<string>;
  readonly pools: boolean;
}

export interface PoolUsage {
  readonly pool: string;
  readonly ipv4: { readonly total: bigint; readonly used: number };
  readonly ipv6: { readonly total: bigint; readonly used: number };
}

const CLEARED: Desired = { ips: [], pool: null };

/**
 * Decides which Service has which addresses. Each call looks at what changed and answers with a
 * decision for every Service that it looked at. A function of the calls only: no clock, no chance.
 */
export class Allocator {
  /** Only Services of this loadBalancerClass; empty: only those without one. */
  readonly #lbClass: string;
  readonly #index = new AddressIndex();
  readonly #waiters = new Waiters();
  readonly #outcomes = new Map<string, Outcome>();
  #catalog = new PoolCatalog([]);
  #started = false;

  constructor(lbClass = "") {
    this.#lbClass = lbClass;
  }

  /** Outcome of every LoadBalancer Service of ours. */
  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.#outcomes;
  }

  get index(): AddressIndex {
    return this.#index;
  }

  usage(): readonly PoolUsage[] {
    return this.#catalog.all.map(({ name }) => {
      const [v4, v6] = [this.#index.space(name, 4), this.#index.space(name, 6)];
      return {
        pool: name,
        ipv4: { total: v4?.capacity ?? 0n, used: v4?.used ?? 0 },
        ipv6: { total: v6?.capacity ?? 0n, used: v6?.used ?? 0 },
      };
    });
  }

  /**
   * Four steps, so that the order of changes does not matter: those that leave let go; those that
   * hold something keep it or are adopted, oldest first; only then is anything given out, oldest
   * first; at last those that waited for what became free.
   */
  decide(world: AllocationWorld, changes: AllocationChanges): Decision[] {
    if (world.pools === null) return [];
    const keys = new Set(changes.services);
    if (changes.pools || !this.#started) {
      this.#catalog = new PoolCatalog(world.pools);
      for (const key of this.#index.setPools(world.pools)) keys.add(key);
      for (const key of this.#started ? this.#waiters.keys() : world.services.keys()) keys.add(key);
      this.#started = true;
    }
    const batch = new Batch(this.#outcomes);
    const claims = this.#letGo(world, keys, batch);
    claims.sort((a, b) => (a.age < b.age ? -1 : 1));
    const hungry = claims.filter((entry) => !this.#keep(entry, batch));
    for (const entry of hungry) this.#give(entry, batch);
    this.#wake(world, batch);
    return batch.decisions();
  }

  /** Releases what departed, and takes out those whose sharing changed, to be put back in order of age. */
  #letGo(world: AllocationWorld, keys: Iterable<string>, batch: Batch): Entry[] {
    const entries: Entry[] = [];
    for (const key of keys) {
      const service = world.services.get(key);
      if (service?.type === "LoadBalancer" && (service.loadBalancerClass ?? "") === this.#lbClass) {
        const entry = this.#read(service, batch);
        if (entry) entries.push(entry);
      } else this.#depart(key, service, batch);
    }
    return entries;
  }

  #depart(key: string, service: Service | undefined, batch: Batch): void {
    this.#waiters.delete(key);
    const held = this.#index.release(key) !== null;
    const known = this.#outcomes.delete(key);
    if (service && service.type !== "LoadBalancer") {
      const marked = service.ingress.length > 0 || service.annotations[ALLOCATED_FROM_POOL] !== undefined;
      if (marked) batch.decide(key, { kind: "released" }, CLEARED);
      if (marked) return;
    }
    if (held || known) batch.decide(key, { kind: "released" }, null);
  }

  #read(service: Service, batch: Batch): Entry | null {
    const { key } = service;
    const held = this.#index.holding(key);
    const refused = (refusal: Refusal, clears: boolean) => {
      if (clears) this.#index.release(key);
      const note = noteOfNoClaim(refusal, clears, service);
      this.#refuse(key, service, refusal, "", clears ? CLEARED : null, note, batch);
      return null;
    };
    if (this.#catalog.all.length === 0) return refused(refuse("noPools"), true);
    const claim = readClaim(service);
    if (!claim.ok) return refused(claim.error.refusal, claim.error.clears);
    const inPlace = held !== null && sameHolder(held, claim.value.holder);
    if (held && !inPlace) this.#index.release(key);
    return { claim: claim.value, age: ageOf(service), before: held };
  }

  /** Keeps or adopts what the Service holds; false when it needs something. */
  #keep({ claim, before }: Entry, batch: Batch): boolean {
    const { service, holder, request } = claim;
    const status = statusIps(service);
    if (status === null)
      batch.note(service.key, {
        type: "Warning",
        reason: "nolbIPsIPFamily",
        message: `Failed to retrieve LoadBalancer IPs family: ${quoteList(service.ingress.map((entry) => entry.ip ?? ""))}`,
      });
    let lost: { readonly ips: readonly Ip[]; readonly why: Refusal } | null = null;
    for (const ips of [status ?? [], before?.ips ?? []]) {
      const kept = ips.filter(({ family }) => claim.families.includes(family));
      if (kept.length === 0 || (request?.ok && !sameIpSet(request.value, kept))) continue;
      const pool = this.#index.poolOf(kept[0] as Ip);
      if (claim.pool !== null && pool && pool.name !== claim.pool) continue;
      const choice = check(this.#index, claim, kept);
      if (!choice.ok) {
        lost ??= { ips, why: choice.error };
        continue;
      }
      this.#index.hold({ ...holder, ...choice.value });
      if (kept.length < claim.families.length) return false;
      this.#allocated(claim, choice.value, request && !request.ok ? request.error : null, batch);
      return true;
    }
    this.#index.release(service.key);
    if (lost)
      batch.note(service.key, {
        type: "Normal",
        reason: "ClearAssignment",
        message: `current IP(s) ${quoteList(lost.ips.map(formatIp))} cannot be kept: ${lost.why.message}`,
      });
    return false;
  }

  /** Gives a Service what it lacks, or tells why not. Returns whether it now has all. */
  #give(entry: Entry, batch: Batch): boolean {
    const { claim } = entry;
    const { service, holder } = claim;
    const held = this.#index.holding(service.key);
    if (held && held.ips.length < claim.families.length) return this.#extend(entry, held, batch);
    if (service.deleting) {
      this.#refuse(service.key, service, refuse("deleting"), "", CLEARED, null, batch);
      return false;
    }
    const choice = choose(this.#index, this.#catalog, claim);
    if (!choice.ok) {
      const note: Note = {
        type: "Warning",
        reason: "AllocationFailed",
        message: `Failed to allocate IP for ${JSON.stringify(service.key)}: ${choice.error.message}`,
      };
      this.#refuse(service.key, service, choice.error, signature(claim), CLEARED, note, batch);
      return false;
    }
    this.#index.hold({ ...holder, ...choice.value });
    batch.note(service.key, assigned("Assigned IP", choice.value.ips));
    const complete = choice.value.ips.length === claim.families.length;
    this.#allocated(claim, choice.value, complete ? null : this.#lacking(claim, choice.value), batch);
    return complete;
  }

  /** A dual-stack Service has one address: the other comes from the same pool, or both from another one. */
  #extend(entry: Entry, held: Holding, batch: Batch): boolean {
    const { claim } = entry;
    const missing = claim.families.find((family) => held.ips.every((address) => address.family !== family)) ?? 6;
    const additional = claim.request === null ? this.#index.first(claim.holder, held.pool, missing) : null;
    if (additional) {
      const ips = [...held.ips, additional];
      this.#index.hold({ ...held, ips });
      batch.note(held.key, assigned("Assigned additional IP", [additional]));
      this.#allocated(claim, { pool: held.pool, ips }, null, batch);
      return true;
    }
    if (claim.strict) {
      this.#index.release(held.key);
      return this.#give(entry, batch);
    }
    const lacking = claim.request && !claim.request.ok ? claim.request.error : this.#lacking(claim, held);
    this.#allocated(claim, held, lacking, batch);
    return false;
  }

  /** Why a dual-stack Service has only one address, and what it waits for. */
  #lacking({ families, holder: { group } }: Claim, { pool, ips }: Choice): Refusal {
    const missing = families.filter((family) => ips.every((address) => address.family !== family));
    return {
      ...refuse("poolExhaustedDual", { pool }),
      waitsFor: missing.flatMap((family) => [
        need.free(pool, family),
        ...(group === null ? [] : [need.shared(pool, family, group)]),
      ]),
    };
  }

  #allocated(claim: Claim, choice: Choice, lacking: Refusal | null, batch: Batch): void {
    const { key } = claim.service;
    this.#wait(claim.service, lacking, `${signature(claim)} more`);
    const news = lacking && batch.isNews(key, lacking);
    if (news)
      batch.note(
        key,
        claim.request && !claim.request.ok
          ? {
              type: "Warning",
              reason: "LoadBalancerFailed",
              message: `invalid requested loadbalancer IPs: ${lacking.message}`,
            }
          : {
              type: "Normal",
              reason: "AdditionalAssignFailed",
              message: `Failed to assign additional IP for ${JSON.stringify(key)}: ${lacking.message}`,
            },
      );
    const { pool, ips } = choice;
    this.#outcomes.set(key, { kind: "allocated", pool, ips, lacking });
    batch.decide(key, { kind: "allocated", pool, ips, lacking }, { pool, ips });
  }

  #refuse(
    key: string,
    service: Service,
    refusal: Refusal,
    signature: string,
    desired: Desired | null,
    note: Note | null,
    batch: Batch,
  ): void {
    this.#wait(service, refusal, signature);
    if (note && batch.isNews(key, refusal)) batch.note(key, note);
    this.#outcomes.set(key, { kind: "refused", refusal });
    batch.decide(key, { kind: "refused", refusal }, desired);
  }

  #wait(service: Service, refusal: Refusal | null, signature: string): void {
    if (refusal) this.#waiters.set({ key: service.key, age: ageOf(service), signature, needs: refusal.waitsFor });
    else this.#waiters.delete(service.key);
  }

  /** Serves those that wait for what became free, oldest first, until nothing more can come of it. */
  #wake(world: AllocationWorld, batch: Batch): void {
    const take = () => this.#index.takeGains(this.#waiters.size > 0);
    for (let gains = take(); gains.size > 0; gains = take()) {
      for (const [gain, space] of gains) {
        const failed = new Set<string>();
        let waiter = this.#waiters.next(gain, "");
        for (; waiter; waiter = this.#waiters.next(gain, waiter.age)) {
          if (space && this.#index.exhausted(space)) break;
          const service = world.services.get(waiter.key);
          const claim = service && readClaim(service);
          if (failed.has(waiter.signature) || !claim?.ok) continue;
          const entry = { claim: claim.value, age: waiter.age, before: null };
          if (!this.#give(entry, batch)) failed.add(waiter.signature);
        }
      }
    }
  }
}

/** A Service that is to have addresses, in one pass. */
interface Entry {
  readonly claim: Claim;
  readonly age: string;
  /** What it held when the pass began. */
  readonly before: Holding | null;
}

/** Collects the answers of one pass; the last word on a Service counts, its notes add up. */
class Batch {
  readonly #decisions = new Map<string, Omit<Decision, "notes">>();
  readonly #notes = new Map<string, Note[]>();
  readonly #outcomes: ReadonlyMap<string, Outcome>;

  constructor(outcomes: ReadonlyMap<string, Outcome>) {
    this.#outcomes = outcomes;
  }

  /** Whether the Service was not told so already. */
  isNews(key: string, refusal: Refusal): boolean {
    const before = this.#outcomes.get(key);
    const told = before?.kind === "refused" ? before.refusal : before?.kind === "allocated" ? before.lacking : null;
    return told?.message !== refusal.message;
  }

  note(key: string, note: Note): void {
    const notes = this.#notes.get(key);
    if (notes) notes.push(note);
    else this.#notes.set(key, [note]);
  }

  decide(key: string, outcome: Outcome, desired: Desired | null): void {
    this.#decisions.set(key, { key, outcome, desired });
  }

  decisions(): Decision[] {
    return [...this.#decisions.values()].map((decision) => ({
      ...decision,
      notes: this.#notes.get(decision.key) ?? [],
    }));
  }
}

const ageOf = ({ creationTimestamp, key }: Service): string => `${creationTimestamp} ${key}`;

/** Services that wait for the same need and have equal signatures are equally served or refused. */
const signature = ({ families, strict, holder }: Claim): string =>
  `${families.join()} ${strict} ${holder.group === null ? "" : `${holder.group} ${holder.ports.join()}`}`;

const assigned = (what: string, ips: readonly Ip[]): Note => ({
  type: "Normal",
  reason: "IPAllocated",
  message: `${what} ${quoteList(ips.map(formatIp))}`,
});

/** Events of Services that cannot be served at all; upstream only logs the other cases. */
function noteOfNoClaim(refusal: Refusal, clears: boolean, service: Service): Note | null {
  if (refusal.code === "notEnoughClusterIPs")
    return { type: "Warning", reason: "not enough clusterips", message: refusal.message };
  if (clears) return null;
  return service.ingress.length > 0
    ? {
        type: "Warning",
        reason: "noclusterIPsIPFamily",
        message: `Failed to retrieve cluster IPs family: ${refusal.message}`,
      }
    : {
        type: "Warning",
        reason: "AllocationFailed",
        message: `Failed to allocate IP for ${JSON.stringify(service.key)}: ${refusal.message}`,
      };
}
