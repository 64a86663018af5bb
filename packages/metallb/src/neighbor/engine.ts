import type {
  AddressCounters,
  AddressReport,
  AddressState,
  DropCounters,
  Instant,
  LinkIndex,
  NeighborEffect,
  NeighborEvent,
  NeighborOptions,
  Release,
} from "./events.ts";
import { AddressTable } from "./machine/address-table.ts";
import { HeldAddress } from "./machine/held-address.ts";
import { Link } from "./machine/link.ts";
import { gratuitousFrames, probeFrame } from "./machine/packets.ts";
import { Responder } from "./machine/responder.ts";
import { earliest, Schedule } from "./machine/schedule.ts";
import { SourceLimiter } from "./machine/source-limiter.ts";
import { Waits } from "./machine/waits.ts";
import { decodeArp } from "./packet/arp.ts";
import { ETHERTYPE, ethertypeOf, macText } from "./packet/ethernet.ts";
import { decodeNdp } from "./packet/ndp.ts";

/** ARP and NDP for addresses that are on no interface, without sockets and without a clock. */
export interface NeighborEngine {
  /** Takes one event at a time that never goes back; gives what is to be done, in order. */
  step(event: NeighborEvent, now: Instant): readonly NeighborEffect[];
  reports(): readonly AddressReport[];
  /** Of all addresses, or of those alone that differ since they were last asked for. */
  counters(which: "all" | "moved"): readonly AddressCounters[];
  drops(): DropCounters;
}

export interface NeighborEngineOptions {
  /** Answers a second that one station gets, and at once. Default 30,000: a router may hold 50,000 addresses. */
  readonly answersPerSource?: number;
}

export const createNeighborEngine = (options: NeighborEngineOptions = {}): NeighborEngine => new Engine(options);

/** RFC 5227 section 1.1, DEFEND_INTERVAL. */
const DEFEND_EVERY = 10_000;

class Engine implements NeighborEngine {
  private readonly table = new AddressTable();
  private readonly links = new Map<LinkIndex, Link>();
  private readonly ownMacs = new Set<string>();
  /** Whose counters moved since they were asked for. */
  private readonly moved = new Set<HeldAddress>();
  private fellows: ReadonlySet<string> = new Set();
  private onConflict: NeighborOptions["onConflict"] = "report";
  private effects: NeighborEffect[] = [];
  private wakeAt: Instant | null = null;
  private readonly schedule = new Schedule((address, link) => this.sendRound(address, link));
  private readonly waits = new Waits({
    probe: (address) => this.sendProbe(address),
    unopposed: (address, now) => this.announce(address, now),
    tryAgain: (address, now) => {
      // It stays a conflict until nobody answers.
      address.renew();
      this.waits.startProbing(address, now);
    },
    yielded: (address, now) => this.forget(address, now),
    foreignGone: (address) => {
      address.foreign = null;
      this.report(address);
    },
  });
  private readonly responder: Responder;

  constructor({ answersPerSource = 30_000 }: NeighborEngineOptions) {
    this.responder = new Responder(this.table, new SourceLimiter(answersPerSource, answersPerSource), {
      send: (link, frame) => this.effects.push({ kind: "send", link: link.index, frame }),
      claimed: (address, link, mac, now) => this.claimed(address, link, mac, now),
      asked: (address) => void this.moved.add(address),
      isOwn: (mac) => this.ownMacs.has(macText(mac)),
    });
  }

  step(event: NeighborEvent, now: Instant): readonly NeighborEffect[] {
    this.effects = [];
    this.handle(event, now);
    const next = earliest(this.schedule.nextDue, this.waits.nextDue);
    if (next !== this.wakeAt || event.kind === "time") this.effects.push({ kind: "wake", at: next });
    this.wakeAt = next;
    return this.effects;
  }

  reports(): readonly AddressReport[] {
    return Array.from(this.table.all(), (address) => address.report());
  }

  counters(which: "all" | "moved"): readonly AddressCounters[] {
    const wanted = which === "all" ? this.table.all() : this.moved;
    const counters = Array.from(wanted, ({ ip, requestsReceived, responsesSent, gratuitousSent }) => ({
      address: ip,
      requestsReceived,
      responsesSent,
      gratuitousSent,
    }));
    this.moved.clear();
    return counters;
  }

  drops(): DropCounters {
    const { malformed, notAnnounced, overRate } = this.responder;
    return { malformed, notAnnounced, overRate };
  }

  private handle(event: NeighborEvent, now: Instant): void {
    switch (event.kind) {
      case "received":
        return this.received(event.link, event.frame, now);
      case "time":
        this.waits.run(now);
        return this.schedule.run(now);
      case "announce":
        return this.hold(event, now);
      case "withdraw":
        return this.release(event, now);
      case "link-set":
        return this.setLink(event, now);
      case "link-removed":
        this.links.get(event.index)?.remove();
        this.links.delete(event.index);
        return this.learnOwnMacs();
      case "announce-again": {
        const named = event.address === null ? this.table.all() : [this.table.get(event.address)];
        for (const address of named) if (address?.state === "announced") this.announce(address, now);
        return;
      }
      case "shutdown":
        for (const address of this.table.all()) this.giveUp(address, "when-taken-over", now);
        return;
      case "options":
        this.fellows = new Set(event.options.fellows);
        this.onConflict = event.options.onConflict;
        if (this.schedule.setRepeat(event.options.repeatEvery))
          for (const address of this.table.all()) if (address.state === "announced") this.announce(address, now);
    }
  }

  private received(index: LinkIndex, frame: Uint8Array, now: Instant): void {
    const link = this.links.get(index);
    if (!link?.usable) return;
    if (ethertypeOf(frame) === ETHERTYPE.arp) {
      const packet = decodeArp(frame);
      if (!packet.ok) this.responder.malformed += 1;
      else this.responder.arp(packet.value, link, now);
    } else {
      const message = decodeNdp(frame);
      if (!message.ok) this.responder.malformed += 1;
      else this.responder.ndp(message.value, link, now);
    }
  }

  private hold({ address: ip, holder, interfaces, claim }: Extract<NeighborEvent, { kind: "announce" }>, now: Instant) {
    const known = this.table.get(ip);
    const address = known ?? new HeldAddress(ip, "withdrawn", now);
    const moved = address.hold(holder, interfaces);
    this.table.set(address);
    this.syncGroups(address);
    if (address.state === "withdrawn" && claim === "probe-first") this.probe(address, now);
    else if (address.state === "withdrawn" || address.state === "yielding") this.announce(address, now);
    else if (moved && address.state === "announced") this.announce(address, now);
  }

  private release({ address: ip, holder, release }: Extract<NeighborEvent, { kind: "withdraw" }>, now: Instant): void {
    const address = this.table.get(ip);
    if (!address) return;
    address.release(holder);
    this.syncGroups(address);
    if (!address.isHeld) this.giveUp(address, release, now);
  }

  private giveUp(address: HeldAddress, release: Release, now: Instant): void {
    if (release === "at-once" || !address.isAnswered) return this.forget(address, now);
    if (address.state === "yielding") return;
    this.enter(address, "yielding", now);
    this.waits.startYielding(address, now);
  }

  private setLink({ link: settings }: Extract<NeighborEvent, { kind: "link-set" }>, now: Instant): void {
    const link = this.links.get(settings.index) ?? new Link(settings.index);
    this.links.set(settings.index, link);
    const mustTell = link.set(settings);
    this.learnOwnMacs();
    for (const address of this.table.all()) {
      this.syncGroups(address, link);
      if (mustTell && address.speaksOn(link)) this.schedule.start(address, link, now);
    }
    this.schedule.run(now);
  }

  private learnOwnMacs(): void {
    this.ownMacs.clear();
    for (const { mac } of this.links.values()) this.ownMacs.add(macText(mac));
  }

  private probe(address: HeldAddress, now: Instant): void {
    this.enter(address, "probing", now);
    this.waits.startProbing(address, now);
  }

  /** Also when it is announced already: neighbours are told once more. */
  private announce(address: HeldAddress, now: Instant): void {
    if (address.state === "announced") address.renew();
    else this.enter(address, "announced", now);
    this.schedule.start(address, null, now);
    this.schedule.run(now);
  }

  private forget(address: HeldAddress, now: Instant): void {
    this.table.delete(address.ip);
    this.moved.delete(address);
    address.foreign = null;
    this.enter(address, "withdrawn", now);
  }

  private enter(address: HeldAddress, state: AddressState, now: Instant): void {
    address.state = state;
    address.since = now;
    address.renew();
    this.syncGroups(address);
    this.report(address);
  }

  private report(address: HeldAddress): void {
    this.effects.push({ kind: "address", report: address.report() });
  }

  /** Joins the groups in which the address is asked for, on the links where it is spoken for. */
  private syncGroups(address: HeldAddress, only?: Link): void {
    if (address.ip.family === 4) return;
    for (const link of only ? [only] : this.links.values()) {
      const wanted = address.state !== "withdrawn" && address.speaksOn(link);
      const group = wanted ? link.want(address.ip.value) : link.drop(address.ip.value);
      if (group === null) continue;
      this.effects.push({
        kind: "groups",
        link: link.index,
        join: wanted ? [group] : [],
        leave: wanted ? [] : [group],
      });
    }
  }

  private sendRound(address: HeldAddress, only: Link | null): number {
    let sent = 0;
    for (const link of only ? [only] : this.links.values()) {
      if (!address.speaksOn(link)) continue;
      for (const frame of gratuitousFrames(address, link)) {
        this.effects.push({ kind: "send", link: link.index, frame });
        sent += 1;
      }
    }
    address.gratuitousSent += sent;
    this.moved.add(address);
    return sent;
  }

  private sendProbe(address: HeldAddress): void {
    for (const link of this.links.values())
      if (address.speaksOn(link))
        this.effects.push({ kind: "send", link: link.index, frame: probeFrame(address, link) });
  }

  private claimed(address: HeldAddress, link: Link, octets: Uint8Array, now: Instant): void {
    const mac = macText(octets);
    if (address.state === "yielding") return this.forget(address, now);
    if (this.fellows.has(mac)) return;
    const first = address.foreign === null;
    const news = address.foreign?.mac !== mac || address.foreign.interface !== link.name;
    address.foreign = { mac, interface: link.name };
    address.foreignHeardAt = now;
    if (first) this.waits.heardForeign(address, now);
    if (!address.isAnswered && this.onConflict === "report") {
      if (address.state === "probing") this.enter(address, "conflict", now);
      else address.renew();
      this.waits.startConflict(address, now);
    }
    if (news) this.report(address);
    if (address.state !== "announced" || this.onConflict !== "defend" || now - address.defendedAt < DEFEND_EVERY)
      return;
    address.defendedAt = now;
    this.sendRound(address, link);
  }
}
