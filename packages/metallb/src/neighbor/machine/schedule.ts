import type { Duration } from "#net";
import type { Instant } from "../events.ts";
import { type Due, Fifo } from "./fifo.ts";
import type { HeldAddress } from "./held-address.ts";
import type { Link } from "./link.ts";

/** Rounds of a burst and the time between them: at 0, 1.1, 2.2, 3.3 and 4.4 s. */
const ROUNDS = 5;
const ROUND_EVERY = 1_100;
/** Frames that leave before the shell gets the floor back: no burst delays a reply by more than this takes. */
const FRAMES_AT_ONCE = 256;

interface Round extends Due {
  readonly address: HeldAddress;
  readonly addressEpoch: number;
  /** Null: all links of the address. */
  readonly link: Link | null;
  readonly linkEpoch: number;
  readonly left: number;
}

/** When gratuitous packets leave. Constant cost per packet, however many addresses there are. */
export class Schedule {
  private readonly fresh = new Fifo<Round>();
  private readonly repeats = new Fifo<Round>();
  private readonly periodic = new Fifo<Round>();
  private repeatEvery: number | null = null;
  /** Sends one round; gives how many frames that took. */
  private readonly send: (address: HeldAddress, link: Link | null) => number;

  constructor(send: (address: HeldAddress, link: Link | null) => number) {
    this.send = send;
  }

  /** A new burst; an earlier one of the address for all links is void when its epoch was raised. */
  start(address: HeldAddress, link: Link | null, now: Instant): void {
    this.fresh.push({
      due: now,
      address,
      addressEpoch: address.epoch,
      link,
      linkEpoch: link?.epoch ?? 0,
      left: ROUNDS,
    });
  }

  /** Gives whether the addresses must be told of once more, for the periodic packets to start. */
  setRepeat(every: Duration | null): boolean {
    const started = every !== null && this.repeatEvery === null;
    this.repeatEvery = every;
    return started;
  }

  run(now: Instant): void {
    let frames = 0;
    while (frames < FRAMES_AT_ONCE) {
      const round = this.fresh.take(now) ?? this.repeats.take(now) ?? this.periodic.take(now);
      if (round === null) return;
      if (!isValid(round)) continue;
      // One even when no link is there: an empty round costs time too.
      frames += Math.max(1, this.send(round.address, round.link));
      if (round.left > 1) this.repeats.push({ ...round, left: round.left - 1, due: now + ROUND_EVERY });
      else if (this.repeatEvery !== null && round.link === null)
        this.periodic.push({ ...round, due: now + this.repeatEvery });
    }
  }

  get nextDue(): Instant | null {
    return earliest(earliest(this.fresh.nextDue, this.repeats.nextDue), this.periodic.nextDue);
  }
}

const isValid = ({ address, addressEpoch, link, linkEpoch }: Round): boolean =>
  address.state === "announced" &&
  address.epoch === addressEpoch &&
  (link === null || (link.epoch === linkEpoch && link.usable));

export const earliest = (a: Instant | null, b: Instant | null): Instant | null =>
  a === null ? b : b === null ? a : Math.min(a, b);
