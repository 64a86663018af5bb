import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WriterEvent } from "./writer-events.ts";
import { WriterMachine } from "./writer-machine.ts";

/** Faults that may be planted, to see that the checker notices them. */
type Fault = "none" | "ignores after" | "forgets failures" | "writes twice at once" | "writes after the end";

/**
 * An API in which keys hold addresses, and a controller that gives each address to one key at a time:
 * a random history of intentions, of which any write may fail, be slow or be overtaken.
 */
class World {
  readonly api = new Map<string, string>();
  readonly decided = new Map<string, string>();
  readonly flights: { readonly key: string; readonly value: string }[] = [];
  private readonly machine = new WriterMachine<string>(
    { parallel: 3, backoff: { first: 200, max: 30_000 }, retain: false },
    () => 0.5,
  );
  private readonly fault: Fault;
  private now = 0;
  private wakeAt: number | null = null;
  ended = false;

  constructor(fault: Fault) {
    this.fault = fault;
  }

  /** The key is to have the address, which whoever was to have it before has lost. */
  decide(key: string, address: string): void {
    const loser = [...this.decided].find(([other, held]) => held === address && other !== key)?.[0];
    this.decided.set(key, address);
    if (loser !== undefined && address !== "") this.decided.set(loser, "");
    this.intend(loser !== undefined && address !== "" ? [key, loser] : [key]);
  }

  swap(a: string, b: string): void {
    const [x, y] = [this.decided.get(a) ?? "", this.decided.get(b) ?? ""];
    this.decided.set(a, y);
    this.decided.set(b, x);
    this.intend([a, b]);
  }

  land(index: number, result: "done" | "failed" | "lost answer"): void {
    const flight = this.flights.splice(index % Math.max(1, this.flights.length), 1)[0];
    if (!flight) return;
    const { key, value } = flight;
    if (result !== "failed") this.write(key, value);
    if (result === "done" || this.fault === "forgets failures") this.step({ kind: "done", key });
    else this.step({ kind: "failed", key, retryAfter: result === "failed" ? 50 : null });
  }

  pass(): void {
    if (this.wakeAt === null) return;
    this.now = Math.max(this.now, this.wakeAt);
    this.step({ kind: "time" });
  }

  drain(): void {
    this.step({ kind: "drain", until: this.now + 1_000 });
  }

  settle(): void {
    for (let i = 0; i < 500 && (this.flights.length > 0 || this.wakeAt !== null); i++) {
      if (this.flights.length > 0) this.land(0, "done");
      else this.pass();
    }
  }

  private intend(keys: readonly string[]): void {
    const intentions = keys.map((name) => {
      const value = this.decided.get(name) ?? "";
      // Whoever the API may show with the address, now or when its write lands, has to give it up first.
      const holders = value === "" ? [] : [...this.decided.keys()].filter((other) => this.mayHold(other, value));
      return { key: name, value, after: this.fault === "ignores after" ? [] : holders, release: "" };
    });
    this.step({ kind: "want", intentions });
  }

  private mayHold(key: string, address: string): boolean {
    return (
      this.api.get(key) === address || this.flights.some((flight) => flight.key === key && flight.value === address)
    );
  }

  private write(key: string, value: string): void {
    if (this.ended && this.fault !== "writes after the end") throw new Error("written after the end");
    this.api.set(key, value);
    const holders = value === "" ? [] : [...this.api].filter(([, held]) => held === value);
    if (holders.length > 1) throw new Error(`${value} is held by ${holders.map(([holder]) => holder).join(" and ")}`);
  }

  private step(event: WriterEvent<string>): void {
    const effects = this.machine.step(event, this.now);
    for (const effect of effects) {
      if (effect.kind === "wake") this.wakeAt = effect.at;
      else if (effect.kind === "ended") this.ended = true;
      else if (effect.kind === "perform") {
        if (this.ended) throw new Error("performed after the end");
        if (this.flights.some(({ key }) => key === effect.key)) throw new Error("two writes of a key");
        if (this.flights.length >= 3) throw new Error("more writes than slots");
        this.flights.push({ key: effect.key, value: effect.value });
        if (this.fault === "writes twice at once") this.flights.push({ key: effect.key, value: effect.value });
      }
    }
    if (this.fault === "writes after the end" && this.ended && event.kind === "want")
      throw new Error("written after the end");
  }
}

const KEYS = ["a", "b", "c", "d"];
const key = fc.constantFrom(...KEYS);
const move = fc.oneof(
  fc.tuple(key, fc.constantFrom("", "1", "2", "3")).map(
    ([name, address]) =>
      (world: World) =>
        world.decide(name, address),
  ),
  fc.tuple(key, key).map(
    ([a, b]) =>
      (world: World) =>
        world.swap(a, b),
  ),
  fc.tuple(fc.nat(2), fc.constantFrom("done", "done", "failed", "lost answer")).map(
    ([index, result]) =>
      (world: World) =>
        world.land(index, result as "done"),
  ),
  fc.constant((world: World) => world.pass()),
);

function check(fault: Fault, numRuns: number, drains: boolean): void {
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const world = new World(fault);
      for (const apply of moves) apply(world);
      if (drains) world.drain();
      if (drains && fault === "writes after the end") world.decide("a", "3");
      world.settle();
      if (drains) expect(world.ended && world.flights.length === 0).toBe(true);
      else
        for (const [name, address] of world.decided) expect([name, world.api.get(name) ?? ""]).toEqual([name, address]);
    }),
    { numRuns, seed: 7 },
  );
}

describe("over random histories", () => {
  it("the API never shows an address twice, and shows in the end what was decided last", () =>
    check("none", 2_000, false));

  it("nothing is in flight after a drain, and nothing follows", () => check("none", 1_000, true));

  it.each(["ignores after", "forgets failures", "writes twice at once"] as const)(
    "the checker notices: %s",
    (fault) => {
      expect(() => check(fault, 2_000, false)).toThrow();
    },
  );
});
