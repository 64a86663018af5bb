import type { AddressIndex, Ask, Decision, Grant, Grants } from "#allocator";
import type { Service } from "#api";
import { formatIp, type Instant, type Ip, ipEquals, parseIp, unmap } from "#net";
import type { WatchedService } from "../watched-service.ts";
import { Holders } from "./holders.ts";
import type { Allocation, Owner } from "./protocol.ts";
import { Seekers } from "./seekers.ts";

export interface LedgerParts {
  readonly services: ReadonlyMap<string, WatchedService>;
  readonly index: AddressIndex;
  /** Whether a write that is not confirmed may leave the address in a Service. */
  readonly mayShow: (address: string) => boolean;
}

/** What is to be done with the IPAM for one Service, one after the other. */
export type Work =
  | { readonly kind: "release"; readonly allocation: Allocation }
  | { readonly kind: "adopt"; readonly owner: Owner; readonly ask: Ask }
  | { readonly kind: "ask"; readonly owner: Owner; readonly ask: Ask };

/** An address that the IPAM did not let us have is asked for again after so long. */
const AGAIN = 60_000;

/**
 * What the IPAM has for this cluster, beside what the Services have, and what follows from the difference: pure, and a
 * function of both, so that a fresh process does what the one before it left undone. Nothing that a Service holds,
 * shows, or may come to show is released; what Services hold and the IPAM does not know of is told to it.
 */
export class Ledger implements Grants {
  readonly seekers = new Seekers();
  private readonly parts: () => LedgerParts;
  /** By address; null until it was read. */
  private known: Map<string, Allocation> | null = null;
  private readonly byUid = new Map<string, Set<string>>();
  /** Changes since a list was begun count more than the list. */
  private readonly touched = new Map<string, number>();
  private round = 0;
  private readonly releasing = new Set<string>();
  private readonly denials = new Map<string, { readonly why: string; readonly again: Instant }>();
  private readonly holders = new Holders();
  /** What nobody is to have any more, and a write that is not confirmed may show yet. */
  private readonly leaving = new Set<string>();
  private readonly adopting = new Map<string, Set<string>>();
  /** Why the IPAM does not answer; null: it does. */
  trouble: string | null = null;

  constructor(parts: () => LedgerParts) {
    this.parts = parts;
  }

  find(service: Service, ask: Ask): Grant {
    const { index } = this.parts();
    for (const text of this.byUid.get(service.uid) ?? []) {
      const address = this.known?.get(text)?.address;
      if (!address || address.family !== ask.family || this.releasing.has(text)) continue;
      if (ask.wanted !== null && !ipEquals(ask.wanted, address)) continue;
      if (index.poolOf(address)?.name !== ask.pool) continue;
      if (index.usersOf(address).every((user) => user === service.key)) return { kind: "granted", ip: address };
    }
    const why = this.seekers.refusal(service.uid, ask);
    if (why !== null) return { kind: "refused", message: why };
    return this.trouble === null ? { kind: "asked" } : { kind: "away", message: this.trouble };
  }

  denial(_: Service, address: Ip): string | null {
    return this.denials.get(formatIp(address))?.why ?? null;
  }

  /** A turn has looked at these Services. Returns the uids for which there may be something to do. */
  observe(keys: Iterable<string>, decisions: readonly Decision[]): ReadonlySet<string> {
    const { services } = this.parts();
    const uids = new Set<string>();
    const looked = new Set(keys);
    for (const { key, outcome } of decisions) {
      looked.add(key);
      const refusal =
        outcome.kind === "allocated" ? outcome.lacking : outcome.kind === "released" ? null : outcome.refusal;
      this.seekers.set(key, services.get(key), refusal?.asks ?? []);
    }
    for (const key of looked) {
      const uid = services.get(key)?.uid;
      if (uid === undefined) this.seekers.set(key, undefined, []);
      else if (this.seekers.has(uid)) uids.add(uid);
      this.look(key, uids);
    }
    return uids;
  }

  /** Writes were confirmed, addresses of deleted Services are kept no longer, or time went by. */
  recheck(): ReadonlySet<string> {
    const uids = new Set([...this.seekers.inOrder(), ...this.adopting.keys()]);
    for (const key of this.holders.departed) this.look(key, uids);
    for (const text of this.leaving) {
      const uid = this.known?.get(text)?.uid;
      if (uid !== undefined && this.isFree(text)) uids.add(uid);
      if (uid === undefined || this.holders.of(text).size > 0) this.leaving.delete(text);
    }
    return uids;
  }

  /** Compares all that the IPAM has with all that Services have. */
  sweep(): ReadonlySet<string> {
    const uids = new Set<string>();
    for (const key of this.parts().index.holdings().keys()) this.look(key, uids);
    for (const [text, { uid }] of this.known ?? []) if (this.isFree(text)) uids.add(uid);
    return new Set([...uids, ...this.seekers.inOrder()]);
  }

  /** What is to be done next for the Service; null: nothing. */
  next(uid: string, now: Instant): Work | null {
    if (this.known === null) return null;
    for (const text of this.byUid.get(uid) ?? []) {
      const allocation = this.known.get(text);
      if (allocation && this.isFree(text)) return { kind: "release", allocation };
    }
    for (const text of this.adopting.get(uid) ?? []) {
      const work = this.adoption(uid, text, now);
      if (work) return work;
    }
    const question = this.seekers.next(uid, now);
    return question && { kind: "ask", ...question };
  }

  /** Until it is answered nobody is given the address. */
  releasesBegin({ address }: Allocation): void {
    this.releasing.add(formatIp(address));
  }

  /** Whether the release went well, or nobody knows. */
  released({ address }: Allocation, isSure: boolean): void {
    const text = formatIp(address);
    this.releasing.delete(text);
    if (!isSure) return;
    this.forget(text);
    const pool = this.parts().index.poolOf(address);
    if (pool) this.seekers.reopen(pool.name, address);
  }

  /** The IPAM gave an address; where it cannot be used, that is a refusal. Returns whether others may have luck now. */
  given({ uid, namespace, name }: Owner, ask: Ask, address: Ip, now: Instant): boolean {
    const { index } = this.parts();
    const text = formatIp(address);
    const users = index.usersOf(address).filter((user) => user !== `${namespace}/${name}`);
    const why =
      users.length > 0
        ? `it answered ${text}, which ${users[0]} holds`
        : ask.wanted !== null && !ipEquals(ask.wanted, address)
          ? `it answered ${text}, and not what the Service asks for`
          : address.family !== ask.family || index.poolOf(address)?.name !== ask.pool
            ? `it answered ${text}, which is no IPv${ask.family} address of the pool`
            : null;
    this.denials.delete(text);
    if (users.length === 0) this.remember({ address, uid });
    if (why === null) return this.seekers.answer(uid, ask);
    this.seekers.refuse(uid, ask, why, false, now);
    return false;
  }

  /** The IPAM gives nothing, for now. */
  refused({ uid }: Owner, ask: Ask, why: string, isFull: boolean, now: Instant): void {
    this.seekers.refuse(uid, ask, why, isFull, now);
  }

  /** The IPAM has the address that a Service holds for somebody else. */
  denied({ uid }: Owner, { wanted }: Ask, why: string, now: Instant): void {
    if (wanted === null) return;
    this.denials.set(formatIp(wanted), { why, again: now + AGAIN });
    // Whose it is now, if it ever was ours.
    if (this.known?.get(formatIp(wanted))?.uid === uid) this.forget(formatIp(wanted));
  }

  /** A list is begun: what happens from now on counts more than what it says. */
  listBegins(): number {
    return ++this.round;
  }

  listed(items: readonly Allocation[], round: number): void {
    const before = this.known ?? new Map<string, Allocation>();
    const isNewer = (text: string): boolean => (this.touched.get(text) ?? 0) >= round || this.releasing.has(text);
    const now = new Map(
      items.map((item) => [formatIp(item.address), item] as const).filter(([text]) => !isNewer(text)),
    );
    for (const [text, item] of before) if (isNewer(text)) now.set(text, item);
    this.known = now;
    this.byUid.clear();
    for (const [text, { uid }] of now) this.ofUid(uid).add(text);
    this.touched.clear();
    for (const text of now.keys()) this.denials.delete(text);
  }

  /** What the Service has and shows is compared with what the IPAM knows. */
  private look(key: string, uids: Set<string>): void {
    const { services, index } = this.parts();
    const service = services.get(key);
    const held = (index.held(key)?.ips ?? []).map(formatIp);
    const shown = (service?.ingress ?? []).flatMap(({ ip }) => (ip === null ? [] : canonical(ip)));
    for (const text of this.holders.set(key, new Set([...held, ...shown]), service !== undefined)) {
      const uid = this.known?.get(text)?.uid;
      if (uid === undefined) continue;
      this.leaving.add(text);
      uids.add(uid);
    }
    if (!service || this.known === null) return;
    for (const text of held)
      if (!this.known.has(text) && this.isOutside(text)) {
        this.adopting.set(service.uid, (this.adopting.get(service.uid) ?? new Set()).add(text));
        uids.add(service.uid);
      }
  }

  /** The Service still holds the address, and the IPAM does not know of it. */
  private adoption(uid: string, text: string, now: Instant): Work | null {
    const address = parseIp(text);
    const { index, services } = this.parts();
    const pool = address.ok ? index.poolOf(address.value) : null;
    const range = pool?.terms?.ipam;
    const key = [...this.holders.of(text)].find((each) => services.get(each)?.uid === uid);
    const service = key === undefined ? undefined : services.get(key);
    const isHeld = address.ok && service && index.usersOf(address.value).includes(service.key);
    if (!address.ok || !pool || range === undefined || !isHeld || this.known?.has(text)) {
      this.settle(uid, text);
      return null;
    }
    if ((this.denials.get(text)?.again ?? now) > now) return null;
    const ask: Ask = { pool: pool.name, range, family: address.value.family, wanted: address.value };
    return { kind: "adopt", owner: service, ask };
  }

  private settle(uid: string, text: string): void {
    const adopting = this.adopting.get(uid);
    adopting?.delete(text);
    if (adopting?.size === 0) this.adopting.delete(uid);
  }

  private isOutside(text: string): boolean {
    const address = parseIp(text);
    return address.ok && this.parts().index.poolOf(address.value)?.terms?.ipam !== undefined;
  }

  /** Nobody holds it, shows it, may come to show it, or is about to get it. */
  private isFree(text: string): boolean {
    const allocation = this.known?.get(text);
    if (!allocation) return false;
    const { address, uid } = allocation;
    const { index, mayShow } = this.parts();
    if (index.usersOf(address).length > 0 || this.holders.of(text).size > 0 || mayShow(text)) return false;
    return !this.seekers.mayGet(uid, index.poolOf(address)?.name, address);
  }

  private remember(allocation: Allocation): void {
    const text = formatIp(allocation.address);
    this.forget(text);
    this.known?.set(text, allocation);
    this.ofUid(allocation.uid).add(text);
    this.settle(allocation.uid, text);
  }

  private forget(text: string): void {
    const uid = this.known?.get(text)?.uid;
    this.known?.delete(text);
    this.touched.set(text, this.round);
    if (uid === undefined) return;
    const texts = this.byUid.get(uid);
    texts?.delete(text);
    if (texts?.size === 0) this.byUid.delete(uid);
  }

  private ofUid(uid: string): Set<string> {
    const texts = this.byUid.get(uid) ?? new Set<string>();
    this.byUid.set(uid, texts);
    return texts;
  }
}

/** As the index writes it, however somebody wrote it into a status. */
function canonical(text: string): string {
  const address = parseIp(text);
  return address.ok ? formatIp(unmap(address.value)) : text;
}
