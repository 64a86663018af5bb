import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Duration } from "#net";
import { giveMemoryBack } from "#sys";

/** When it is tidied up after the start: what follows a first reading is over then, and writing status objects after it. */
const SETTLING = [3_000, 4_000, 13_000] as const;
const LOOK_EVERY = 60_000;
/** A heap that has grown by so much since it was last tidied up is tidied up again. */
const GROWTH = { factor: 1.5, octets: 16 * 2 ** 20 };
/** Collecting everything takes some 4 ms a megabyte that stays: a larger heap is left to V8, which does it in steps. */
const MOST = 256 * 2 ** 20;

export interface MemoryPorts {
  /** Octets that the heap takes, used or not. */
  heap(): number;
  /** Collects everything that nobody can reach, at once, and returns the room. */
  collect(): void;
  giveBack(): Promise<void>;
  /** Calls back after the pause; holds no process. The earlier wish is replaced. */
  after(pause: Duration, then: () => void): void;
}

/**
 * A process takes twice what it needs to start, and V8 keeps what it took in case it is needed again: on each node
 * of a cluster, for ever. Once the start is over, and whenever the heap has grown by half since, the main thread
 * collects what it does not need and gives it back. The engines' thread is not held up.
 */
export class MemoryKeeper {
  private readonly ports: MemoryPorts;
  private floor = 0;

  constructor(ports: MemoryPorts = ownMemory()) {
    this.ports = ports;
  }

  /** The start is over. */
  begin(): void {
    this.settle(0);
  }

  private settle(round: number): void {
    const pause = SETTLING[round];
    if (pause === undefined) this.ports.after(LOOK_EVERY, () => this.look());
    else this.ports.after(pause, () => void this.tidy().then(() => this.settle(round + 1)));
  }

  private async tidy(): Promise<void> {
    if (this.ports.heap() <= MOST) this.ports.collect();
    await this.ports.giveBack();
    this.floor = this.ports.heap();
  }

  private look(): void {
    const grown = this.ports.heap() > Math.max(this.floor * GROWTH.factor, this.floor + GROWTH.octets);
    void (grown ? this.tidy() : Promise.resolve()).then(() => this.settle(SETTLING.length));
  }
}

/** V8 keeps the pages that a collection frees for the next burst; a process whose one burst is its start does not. */
export function keepNoFreePages(): void {
  // Older engines do not know the flag and complain on stderr.
  if (Number.parseInt(process.versions.v8, 10) < 14) return;
  setFlagsFromString("--no-memory-pool");
}

/** The ports of this process. */
export function ownMemory(): MemoryPorts {
  let timer: NodeJS.Timeout | null = null;
  return {
    heap: () => getHeapStatistics().total_physical_size,
    collect: collector(),
    giveBack: giveMemoryBack,
    after: (pause, then) => {
      if (timer) clearTimeout(timer);
      timer = setTimeout(then, pause).unref();
    },
  };
}

/** V8's own, which a process has only when it asks for it. `last-resort` is what it does before it gives up. */
function collector(): () => void {
  let collect: ((options: object) => void) | null = null;
  return () => {
    if (collect === null) {
      setFlagsFromString("--expose-gc");
      collect = runInNewContext("gc") as NonNullable<typeof collect>;
      setFlagsFromString("--no-expose-gc");
    }
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  };
}
