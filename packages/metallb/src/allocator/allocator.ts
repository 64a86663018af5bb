import { ALLOCATED_FROM_POOL, type Service } from "#api";
import type { Family, Instant, Ip } from "#net";
import { AddressIndex } from "./address-index.ts";
import type { AllocationChanges, AllocationWorld, PoolUsage } from "./allocation-world.ts";
import { Batch } from "./batch.ts";
import { type Choice, Chooser } from "./choose.ts";
import { type Claim, readClaim, sameIpSet, statusIps } from "./claim.ts";
import type { Decision, Desired, Note, Outcome } from "./decision.ts";
import { ageOf, byAge, type Entry, type Kept } from "./entry.ts";
import { denied, type Grants, isAwaited, NO_IPAM } from "./grants.ts";
import { type Holding, sameHolder } from "./holder.ts";
import { KeptAddresses } from "./kept.ts";
import { allocationFailed, assigned, cleared, lacks, noteOfNoClaim, unreadableStatus } from "./notes.ts";
import { PoolCatalog } from "./pool-catalog.ts";
import type { PoolSpace } from "./pool-space.ts";
import { Queue } from "./queue.ts";
import { type Refusal, refuse } from "./reasons.ts";
import { Waiters } from "./waiters.ts";

const CLEARED: Desired = { ips: [], pool: null };

/**
 * Decides which Service has which addresses. Each call looks at what changed and answers with a
 * decision for every Service that it looked at. A function of the calls only: no clock, no chance.
 */
export class Allocator {
  /** Only Services of this loadBalancerClass; empty: only those without one. */
  private readonly lbClass: string;
  private readonly grants: Grants;
  readonly index = new AddressIndex();
  private readonly waiters = new Waiters();
  readonly kept = new KeptAddresses(this.index);
  private readonly latest = new Map<string, Outcome>();
  private catalog = new PoolCatalog([]);
  private chooser: Chooser;
  private started = false;

  /** `grants`: what is known of the IPAM outside, where there is one. */
  constructor(lbClass = "", grants: Grants = NO_IPAM) {
    this.lbClass = lbClass;
    this.grants = grants;
    this.chooser = new Chooser(this.index, this.catalog, grants);
  }

  /** When something is to be decided although nothing changes; null: never. */
  get wakeAt(): Instant | null {
    return this.kept.next;
  }

  /** Outcome of every LoadBalancer Service of ours. */
  get outcomes(): ReadonlyMap<string, Outcome> {
    return this.latest;
  }

  usage(): readonly PoolUsage[] {
    const of = (name: string, family: Family) => {
      const { capacity, used } = this.index.space(name, family) as PoolSpace;
      return { total: capacity, used };
    };
    return this.catalog.all.map(({ name }) => ({ pool: name, ipv4: of(name, 4), ipv6: of(name, 6) }));
  }

  /**
   * Four steps, so that the order of changes does not matter: those that leave let go; those that hold something keep
   * it or are adopted, those with the most addresses first (contract 1.9), then the oldest; only then is anything given
   * out, oldest first; at last those that waited for what became free.
   */
  decide(world: AllocationWorld, changes: AllocationChanges, now: Instant = 0): Decision[] {
    if (world.pools === null) return [];
    const keys = new Set(changes.services);
    if (changes.pools || !this.started) {
      this.catalog = new PoolCatalog(world.pools);
      this.chooser = new Chooser(this.index, this.catalog, this.grants);
      for (const key of this.index.setPools(world.pools)) keys.add(key);
      for (const key of this.started ? this.waiters.keys() : world.services.keys()) keys.add(key);
      this.started = true;
    }
    const batch = new Batch(this.latest);
    const claims = this.letGo(world, keys, batch, now);
    for (const key of this.kept.takeDue(now)) this.index.release(key);
    claims.sort((a, b) => b.claim.service.ingress.length - a.claim.service.ingress.length || byAge(a, b));
    const hungry = claims.filter((entry) => !this.keep(entry, batch)).sort(byAge);
    this.kept.resume((key) => world.services.get(key) !== undefined, now);
    for (const entry of hungry) this.give(entry, batch);
    this.wake(world, batch);
    return batch.decisions();
  }

  /** Releases what departed, and takes out those whose sharing changed, to be put back in order of age. */
  private letGo(world: AllocationWorld, keys: Iterable<string>, batch: Batch, now: Instant): Entry[] {
    const entries: Entry[] = [];
    for (const key of keys) {
      const service = world.services.get(key);
      if (service?.type === "LoadBalancer" && (service.loadBalancerClass ?? "") === this.lbClass) {
        const entry = this.read(service, batch, now);
        if (entry) entries.push(entry);
        this.kept.forget(key);
      } else this.depart(key, service, batch, now);
    }
    return entries;
  }

  /** Whether a Service that is gone goes on holding its addresses, in case that it comes back. */
  private keepsFor(key: string, now: Instant): boolean {
    const held = this.index.held(key);
    if (!held) return false;
    const [pool] = this.index.holding(held.ips, held.pool);
    return this.kept.keep(key, pool, now);
  }

  private depart(key: string, service: Service | undefined, batch: Batch, now: Instant): void {
    this.waiters.delete(key);
    const known = this.latest.delete(key);
    const keeps = !service && this.keepsFor(key, now);
    if (!keeps) this.kept.forget(key);
    const held = !keeps && this.index.release(key) !== null;
    if (service && service.type !== "LoadBalancer") {
      const marked = service.ingress.length > 0 || service.annotations[ALLOCATED_FROM_POOL] !== undefined;
      if (marked) batch.decide(key, { kind: "released" }, CLEARED);
      if (marked) return;
    }
    if (held || known) batch.decide(key, { kind: "released" }, null);
  }

  private read(service: Service, batch: Batch, now: Instant): Entry | null {
    const { key } = service;
    const held = this.index.held(key);
    const refused = (refusal: Refusal, clears: boolean) => {
      if (clears) this.index.release(key);
      const note = noteOfNoClaim(refusal, clears, service);
      this.refuse(key, service, refusal, clears ? CLEARED : null, note, batch);
      return null;
    };
    if (this.catalog.all.length === 0) return refused(refuse("noPools"), true);
    const claim = readClaim(service);
    if (!claim.ok) return refused(claim.error.refusal, claim.error.clears);
    const inPlace = held !== null && sameHolder(held, claim.value.holder);
    if (held && !inPlace) this.index.release(key);
    return { claim: claim.value, age: ageOf(service), before: held ?? this.kept.heldBefore(key, now) };
  }

  /** Keeps or adopts what the Service holds; false when it needs something. */
  private keep({ claim, before }: Entry, batch: Batch): boolean {
    const { service, request, asked } = claim;
    const status = statusIps(service);
    if (status === null) batch.note(service.key, unreadableStatus(service));
    const frozen = this.chooser.frozenWish(claim);
    let lost: { readonly ips: readonly Ip[]; readonly why: Refusal } | null = null;
    for (const ips of [status, before?.ips]) {
      if (!ips) continue;
      const kept = ips.filter(({ family }) => claim.families.includes(family));
      if (kept.length === 0) continue;
      const from = before && sameIpSet(before.ips, ips) ? before.pool : claim.from;
      // What the Service asks for in its place takes nothing away; that it could not be kept anyhow does.
      const stays = !asked || frozen !== null || sameIpSet(asked, kept);
      const choice = this.keepable(stays ? claim : { ...claim, pool: null, request: null }, kept, from);
      lost ??= choice.refusal && { ips: kept, why: choice.refusal };
      if (!stays || !choice.kept) continue;
      const { kept: now } = choice;
      // Of two addresses one was lost, or somebody else wrote addresses that cannot be the Service's.
      if (lost && lost.why.code !== "requestPool") batch.note(service.key, cleared(lost.ips, lost.why));
      this.index.hold({ ...claim.holder, ...now });
      const lacking =
        request && !request.ok
          ? request.error
          : (frozen ?? denied(this.grants, service, this.catalog.get(now.pool), now.ips));
      if (now.ips.length < claim.families.length && !(frozen && claim.strict)) return false;
      this.allocated(claim, now, lacking, batch);
      return true;
    }
    this.index.release(service.key);
    if (lost && lost.why.code !== "requestPool") batch.note(service.key, cleared(lost.ips, lost.why));
    return false;
  }

  /** All of the addresses, else one of the two, the better family first: the other is found anew. */
  private keepable(claim: Claim, ips: readonly Ip[], from: string | null): Kept {
    const all = this.chooser.keep(claim, ips, from);
    if (all.ok) return { kept: all.value, refusal: null };
    const isBetter = ({ family }: Ip) => family === claim.primary;
    if (claim.request === null)
      for (const one of [...ips.filter(isBetter), ...ips.filter((address) => !isBetter(address))]) {
        const choice = this.chooser.keep(claim, [one], from);
        if (choice.ok) return { kept: choice.value, refusal: all.error };
      }
    return { kept: null, refusal: all.error };
  }

  /** Gives a Service what it lacks, or tells why not. Returns whether it has more than before. */
  private give(entry: Entry, batch: Batch): boolean {
    const { claim } = entry;
    const { service, holder } = claim;
    const held = this.index.held(service.key);
    if (held) return this.extend(entry, held, batch);
    if (service.deleting) {
      this.refuse(service.key, service, refuse("deleting"), CLEARED, null, batch);
      return false;
    }
    const choice = this.chooser.choose(claim);
    if (!choice.ok) {
      if (isAwaited(choice.error) && this.holdsOn(entry, choice.error, batch)) return false;
      const note = choice.error.code === "ipamAsked" ? null : allocationFailed(service.key, choice.error);
      this.refuse(service.key, service, choice.error, CLEARED, note, batch);
      return false;
    }
    this.index.hold({ ...holder, ...choice.value });
    batch.note(service.key, assigned("Assigned IP", choice.value.ips));
    const complete = choice.value.ips.length === claim.families.length;
    this.allocated(claim, choice.value, complete ? null : this.chooser.lack(claim, choice.value), batch);
    return true;
  }

  /** While an answer from outside is awaited, the Service keeps what it has, also where it asks for something else. */
  private holdsOn({ claim, before }: Entry, awaited: Refusal, batch: Batch): boolean {
    const { service, families } = claim;
    const ips = (before?.ips ?? statusIps(service) ?? []).filter(({ family }) => families.includes(family));
    if (ips.length === 0) return false;
    const kept = this.chooser.keep({ ...claim, pool: null, request: null }, ips, before?.pool ?? claim.from);
    if (!kept.ok) return false;
    this.index.hold({ ...claim.holder, ...kept.value });
    this.allocated(claim, kept.value, awaited, batch);
    return true;
  }

  /** A dual-stack Service has one address: the other comes from the same pool, or both from another one. */
  private extend(entry: Entry, held: Holding, batch: Batch): boolean {
    const { claim } = entry;
    const [has] = held.ips as [Ip];
    const missing = has.family === 4 ? 6 : 4;
    const additional = claim.request === null ? this.chooser.additional(claim, held.pool, missing) : null;
    if (additional?.ok) {
      const ips = [...held.ips, additional.value];
      this.index.hold({ ...held, ips });
      batch.note(held.key, assigned("Assigned additional IP", [additional.value]));
      this.allocated(claim, { pool: held.pool, ips }, this.chooser.frozenWish(claim), batch);
      return true;
    }
    const frozen = this.catalog.get(held.pool)?.frozen ? refuse("poolFrozen", { pool: held.pool }) : null;
    const outside = additional?.error ?? null;
    if (claim.strict && !frozen && !(outside && isAwaited(outside))) {
      this.index.release(held.key);
      return this.give(entry, batch);
    }
    const lacking =
      claim.request && !claim.request.ok ? claim.request.error : (frozen ?? outside ?? this.chooser.lack(claim, held));
    this.allocated(claim, held, lacking, batch);
    return false;
  }

  private allocated(claim: Claim, choice: Choice, lacking: Refusal | null, batch: Batch): void {
    const { key } = claim.service;
    this.wait(claim.service, lacking);
    const isNews = lacking !== null && lacking.code !== "ipamAsked" && batch.isNews(key, lacking);
    const note = isNews ? lacks(claim, choice, lacking) : null;
    if (note) batch.note(key, note);
    const { pool, ips } = choice;
    const outcome: Outcome = { kind: "allocated", pool, ips, lacking };
    this.latest.set(key, outcome);
    batch.decide(key, outcome, { pool, ips });
  }

  private refuse(
    key: string,
    service: Service,
    refusal: Refusal,
    desired: Desired | null,
    note: Note | null,
    batch: Batch,
  ): void {
    this.wait(service, refusal);
    if (note && batch.isNews(key, refusal)) batch.note(key, note);
    const outcome: Outcome = { kind: refusal.code === "ipamAsked" ? "pending" : "refused", refusal };
    this.latest.set(key, outcome);
    batch.decide(key, outcome, desired);
  }

  private wait(service: Service, refusal: Refusal | null): void {
    if (refusal) this.waiters.set({ key: service.key, age: ageOf(service), wishes: refusal.wishes });
    else this.waiters.delete(service.key);
  }

  /** Serves those that wait for what became free, oldest first, until nothing more can come of it. */
  private wake(world: AllocationWorld, batch: Batch): void {
    for (let gains = this.index.takeGains(); gains.size > 0; gains = this.index.takeGains()) {
      const queue = new Queue(this.waiters, gains, (space) => this.index.exhausted(space));
      for (let next = queue.next(); next; next = queue.next()) {
        const service = world.services.get(next.key);
        const claim = service && readClaim(service);
        if (claim?.ok && !this.give({ claim: claim.value, age: next.age, before: null }, batch)) queue.drop();
      }
    }
  }
}
