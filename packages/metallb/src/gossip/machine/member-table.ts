import type { GossipConfig } from "../config.ts";
import type { Endpoint, Instant } from "../events.ts";
import type { Alive, Dead, Suspect } from "../wire/messages.ts";
import { MEMBER_STATE, type MemberStateCode, type NodeState } from "../wire/stream.ts";
import { addressOf, type Member, NOBODY, octetsOf, VERSIONS } from "./member.ts";
import { pick } from "./pick.ts";
import { Suspicion } from "./suspicion.ts";

export interface TablePorts {
  config(): GossipConfig;
  /** Tells everybody. */
  broadcast(about: string, message: Alive | Suspect | Dead): void;
  /** State, address or meta differ. */
  changed(member: Member): void;
  /** Others doubt us: we are slower than we thought. */
  doubted(): void;
  /** Somebody else says that it is a member that we know under another address. */
  conflict(member: Member, claimed: string): void;
}

const CODES: Readonly<Record<Member["state"], MemberStateCode>> = MEMBER_STATE;
/** Members that are kept in mind at most; a cluster has 5,000 nodes. */
const MAX_MEMBERS = 20_000;
/** So many are looked at one by one. */
const FEW = 32;
/** The longest name of a node: a DNS subdomain. */
const MAX_NAME = 253;

/** Who is a member, in which incarnation: memberlist's rules for alive, suspect and dead. */
export class MemberTable {
  readonly members = new Map<string, Member>();
  /** The same, to draw from. */
  private list: Member[] = [];
  /** Those under suspicion: few. */
  readonly suspects = new Set<Member>();
  readonly self: Member;
  isLeaving = false;
  /** Those that are alive or under suspicion, ourselves included. */
  aliveCount = 1;
  private readonly ports: TablePorts;

  constructor(name: string, meta: Uint8Array, ports: TablePorts) {
    this.ports = ports;
    this.self = {
      name,
      isSelf: true,
      address: NOBODY,
      port: 0,
      meta,
      versions: VERSIONS,
      incarnation: 1,
      state: "alive",
      since: 0,
      suspicion: null,
      silent: false,
      quiet: 0,
    };
    this.keep(this.self);
  }

  private keep(member: Member): void {
    this.members.set(member.name, member);
    this.list.push(member);
  }

  /** Some others, at random; fewer when most do not fit. */
  some(count: number, random: () => number, fits: (member: Member) => boolean): readonly Member[] {
    const wanted = (member: Member): boolean => !member.isSelf && fits(member);
    if (this.list.length <= FEW) return pick(this.list.filter(wanted), count, random);
    const drawn = new Set<Member>();
    for (let i = 0; i < count * 3 + FEW && drawn.size < count; i += 1) {
      const member = this.list[Math.floor(random() * this.list.length)];
      if (member && wanted(member)) drawn.add(member);
    }
    return [...drawn];
  }

  start({ address, port }: Endpoint, now: Instant): void {
    this.self.address = address;
    this.self.port = port;
    this.self.since = now;
    this.ports.changed(this.self);
    this.ports.broadcast(this.self.name, this.selfAlive());
  }

  alive(message: Alive, now: Instant): void {
    if (message.node === this.self.name) return this.aliveSelf(message);
    const address = addressOf(message.address);
    if (address === null || message.node === "" || message.node.length > MAX_NAME) return;
    let member = this.members.get(message.node);
    if (!member) {
      if (this.members.size >= MAX_MEMBERS) return;
      member = { ...this.unknown(message.node), address, port: message.port, since: now };
      this.keep(member);
    } else if (member.address.value !== address.value || member.port !== message.port) {
      // Only one that has left may come back elsewhere: another host with the same name must not take its place.
      const returns = member.state === "left" || (member.state === "dead" && now - member.since > 0);
      if (!returns) return this.ports.conflict(member, message.node);
      member.address = address;
      member.port = message.port;
    } else if (message.incarnation <= member.incarnation) return;
    const isNews = !sameOctets(member.meta, message.meta);
    this.clearSuspicion(member);
    member.incarnation = message.incarnation;
    member.meta = message.meta.slice(0, 512);
    member.versions = message.versions.slice(0, 6);
    const moved = this.enter(member, "alive", now);
    this.ports.broadcast(member.name, message);
    if (isNews || moved) this.ports.changed(member);
  }

  suspect(message: Suspect, now: Instant): void {
    const member = this.members.get(message.node);
    if (!member || message.incarnation < member.incarnation) return;
    if (member === this.self) return this.refute(message.incarnation);
    if (member.suspicion) {
      if (member.suspicion.confirm(message.from)) this.ports.broadcast(member.name, message);
      return;
    }
    if (member.state !== "alive") return;
    member.incarnation = message.incarnation;
    member.suspicion = this.suspicion(message.from, now);
    this.suspects.add(member);
    this.enter(member, "suspect", now);
    this.ports.broadcast(member.name, message);
    this.ports.changed(member);
  }

  dead(message: Dead, now: Instant): void {
    const member = this.members.get(message.node);
    if (!member || message.incarnation < member.incarnation) return;
    if (member === this.self && !this.isLeaving) return this.refute(message.incarnation);
    if (member.state === "dead" || member.state === "left") return;
    this.clearSuspicion(member);
    member.incarnation = message.incarnation;
    this.enter(member, message.from === message.node ? "left" : "dead", now);
    this.ports.broadcast(member.name, message);
    this.ports.changed(member);
  }

  /** What another member's table says: a dead one is only suspected, for it may be we who know better. */
  merge(nodes: readonly NodeState[], now: Instant): void {
    for (const { name, incarnation, state, address, port, meta, versions } of nodes) {
      const common = { incarnation, node: name };
      if (state === MEMBER_STATE.alive) this.alive({ kind: "alive", ...common, address, port, meta, versions }, now);
      else if (state === MEMBER_STATE.left) this.dead({ kind: "dead", ...common, from: name }, now);
      else this.suspect({ kind: "suspect", ...common, from: this.self.name }, now);
    }
  }

  table(): readonly NodeState[] {
    return Array.from(this.members.values(), (member) => ({
      name: member.name,
      address: octetsOf(member.address),
      port: member.port,
      meta: member.meta,
      incarnation: member.incarnation,
      state: CODES[member.state],
      versions: member.versions,
    }));
  }

  /** Suspicions that nobody refuted. */
  expire(now: Instant): void {
    for (const member of this.suspects) {
      if ((member.suspicion?.endsAt ?? now) > now) continue;
      this.dead({ kind: "dead", incarnation: member.incarnation, node: member.name, from: this.self.name }, now);
    }
  }

  /** What is known of those who are gone is forgotten after a while, so that renamed nodes do not add up. */
  forget(before: Instant): void {
    const isPast = ({ state, since, isSelf }: Member): boolean =>
      (state === "dead" || state === "left") && since < before && !isSelf;
    for (const member of this.list) if (isPast(member)) this.members.delete(member.name);
    this.list = this.list.filter((member) => !isPast(member));
  }

  leave(now: Instant): void {
    this.isLeaving = true;
    const { name, incarnation } = this.self;
    this.dead({ kind: "dead", incarnation, node: name, from: name }, now);
  }

  private aliveSelf(message: Alive): void {
    const own = this.self;
    if (this.isLeaving || message.incarnation < own.incarnation) return;
    const same = sameOctets(message.meta, own.meta) && sameOctets(message.versions, own.versions);
    if (message.incarnation === own.incarnation && same) return;
    this.refute(message.incarnation);
  }

  /** Says louder than what was heard that we live. */
  private refute(accused: number): void {
    if (this.isLeaving) return;
    this.self.incarnation = Math.max(this.self.incarnation, accused) + 1;
    this.ports.doubted();
    this.ports.broadcast(this.self.name, this.selfAlive());
  }

  /** What we say of ourselves differs. */
  setMeta(meta: Uint8Array): void {
    if (sameOctets(meta, this.self.meta)) return;
    this.self.meta = meta;
    this.self.incarnation += 1;
    this.ports.broadcast(this.self.name, this.selfAlive());
  }

  selfAlive(): Alive {
    const { name, incarnation, address, port, meta, versions } = this.self;
    return { kind: "alive", incarnation, node: name, address: octetsOf(address), port, meta, versions };
  }

  private suspicion(from: string, now: Instant): Suspicion {
    const { suspicionMult, suspicionMaxTimeoutMult, probeInterval } = this.ports.config();
    const count = this.members.size;
    // With too few members to confirm there is nothing to wait for.
    const wanted = count < suspicionMult ? 0 : suspicionMult - 2;
    const minimum = suspicionMult * Math.max(1, Math.log10(Math.max(1, count))) * probeInterval;
    return new Suspicion(from, wanted, minimum, minimum * suspicionMaxTimeoutMult, now);
  }

  private clearSuspicion(member: Member): void {
    member.suspicion = null;
    this.suspects.delete(member);
  }

  /** Gives whether the state differs. */
  private enter(member: Member, state: Member["state"], now: Instant): boolean {
    if (member.state === state) return false;
    const counted = (each: Member["state"]): number => (each === "alive" || each === "suspect" ? 1 : 0);
    this.aliveCount += counted(state) - counted(member.state);
    member.state = state;
    member.since = now;
    return true;
  }

  private unknown(name: string): Member {
    return {
      name,
      isSelf: false,
      address: NOBODY,
      port: 0,
      meta: new Uint8Array(),
      versions: new Uint8Array(),
      incarnation: 0,
      state: "dead",
      since: 0,
      suspicion: null,
      silent: false,
      quiet: 0,
    };
  }
}

const sameOctets = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((octet, i) => octet === b[i]);
