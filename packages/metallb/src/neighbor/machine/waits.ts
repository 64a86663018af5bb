import type { Instant } from "../events.ts";
import { type Due, Fifo } from "./fifo.ts";
import type { HeldAddress } from "./held-address.ts";
import { earliest } from "./schedule.ts";

/**
 * RFC 5227 section 1.1 gives one to two seconds between probes and two before the first announcement,
 * for links of 2008. A Service's first use waits for a quarter of that.
 */
const PROBES = 3;
const PROBE_EVERY = 300;
/** An address that another host has is asked for again after this, milliseconds. */
const TRY_AGAIN = 30_000;
/** How long a withdrawn address is answered for while nobody claims it. */
const YIELD_LIMIT = 2_000;
/** A foreign claim is forgotten when nothing was heard of it for so long. */
const FOREIGN_FORGOTTEN = 60_000;

interface Wait extends Due {
  readonly address: HeldAddress;
  readonly epoch: number;
  readonly probesLeft: number;
}

export interface WaitPorts {
  probe(address: HeldAddress): void;
  /** Nobody answered. */
  unopposed(address: HeldAddress, now: Instant): void;
  tryAgain(address: HeldAddress, now: Instant): void;
  yielded(address: HeldAddress, now: Instant): void;
  foreignGone(address: HeldAddress, now: Instant): void;
}

/** What addresses wait for: answers to probes, a foreign host to go, the next owner to speak. */
export class Waits {
  private readonly probes = new Fifo<Wait>();
  private readonly conflicts = new Fifo<Wait>();
  private readonly yields = new Fifo<Wait>();
  private readonly foreign = new Fifo<Wait>();
  private readonly ports: WaitPorts;

  constructor(ports: WaitPorts) {
    this.ports = ports;
  }

  startProbing(address: HeldAddress, now: Instant): void {
    this.ports.probe(address);
    this.probes.push({ address, epoch: address.epoch, probesLeft: PROBES - 1, due: now + PROBE_EVERY });
  }

  startConflict(address: HeldAddress, now: Instant): void {
    this.conflicts.push({ address, epoch: address.epoch, probesLeft: 0, due: now + TRY_AGAIN });
  }

  startYielding(address: HeldAddress, now: Instant): void {
    this.yields.push({ address, epoch: address.epoch, probesLeft: 0, due: now + YIELD_LIMIT });
  }

  heardForeign(address: HeldAddress, now: Instant): void {
    this.foreign.push({ address, epoch: address.epoch, probesLeft: 0, due: now + FOREIGN_FORGOTTEN });
  }

  run(now: Instant): void {
    for (let wait = this.probes.take(now); wait; wait = this.probes.take(now)) {
      if (wait.epoch !== wait.address.epoch) continue;
      if (wait.probesLeft === 0) this.ports.unopposed(wait.address, now);
      else {
        this.ports.probe(wait.address);
        this.probes.push({ ...wait, probesLeft: wait.probesLeft - 1, due: now + PROBE_EVERY });
      }
    }
    for (let wait = this.conflicts.take(now); wait; wait = this.conflicts.take(now))
      if (wait.epoch === wait.address.epoch) this.ports.tryAgain(wait.address, now);
    for (let wait = this.yields.take(now); wait; wait = this.yields.take(now))
      if (wait.epoch === wait.address.epoch) this.ports.yielded(wait.address, now);
    for (let wait = this.foreign.take(now); wait; wait = this.foreign.take(now)) {
      const heard = wait.address.foreignHeardAt;
      if (wait.address.foreign === null) continue;
      if (heard + FOREIGN_FORGOTTEN <= now) this.ports.foreignGone(wait.address, now);
      else this.foreign.push({ ...wait, due: heard + FOREIGN_FORGOTTEN });
    }
  }

  get nextDue(): Instant | null {
    return earliest(
      earliest(this.probes.nextDue, this.conflicts.nextDue),
      earliest(this.yields.nextDue, this.foreign.nextDue),
    );
  }
}
