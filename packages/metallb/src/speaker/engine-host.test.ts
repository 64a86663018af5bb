import { describe, expect, it } from "vitest";
import { EngineHost, type HostPorts } from "./engine-host.ts";
import type { BgpDifference, Engine, EngineEntry, EngineName, Seat } from "./engine-registry.ts";
import type { EnginePart, Telling } from "./thread-protocol.ts";

/** A clock, a poll phase and a timer that a test moves by hand. */
class FakePorts implements HostPorts {
  time = 0;
  readonly told: Telling[] = [];
  readonly afterPolls: (() => void)[] = [];
  timer: { readonly at: number; readonly wake: () => void } | null = null;
  isStopped = false;

  now = (): number => this.time;
  wallClock = (): number => 1_000_000 + this.time;
  random = (): number => 0.5;
  tell = (telling: Telling): void => void this.told.push(telling);
  stopped = (): void => {
    this.isStopped = true;
  };
  afterPoll = (then: () => void): void => void this.afterPolls.push(then);
  wakeAfter = (milliseconds: number | null, wake: () => void): void => {
    this.timer = milliseconds === null ? null : { at: this.time + milliseconds, wake };
  };

  /** The timer fires where it is due; what waits for the poll phase does not run yet. */
  timers(): void {
    const { timer } = this;
    if (!timer || timer.at > this.time) return;
    this.timer = null;
    timer.wake();
  }

  /** The poll phase is over. */
  poll(): void {
    for (const then of this.afterPolls.splice(0)) then();
  }

  applied(): number[] {
    return this.told.flatMap((telling) => (telling.kind === "applied" ? [telling.sequence] : []));
  }
}

type Event = string;
/** An effect of the fake engine: wishes and words. */
type Effect = { readonly wakeAt: number } | { readonly say: string } | { readonly pass: Event };

class FakeEngine implements Engine<readonly Event[], Event, Effect> {
  readonly wake = "wake";
  readonly steps: string[] = [];
  counters = 0;
  answer: (event: Event, now: number) => readonly Effect[] = () => [];
  leave = Promise.withResolvers<void>();
  readonly seat: Seat<Event, never>;

  constructor(seat: Seat<Event, never>) {
    this.seat = seat;
  }
  events(difference: readonly Event[]): readonly Event[] {
    return difference;
  }
  step(event: Event, now: number): readonly Effect[] {
    this.steps.push(`${event}@${now}`);
    return this.answer(event, now);
  }
  perform(effect: Effect): void {
    if ("wakeAt" in effect) this.seat.wakeAt(effect.wakeAt);
    else if ("pass" in effect) this.seat.pass("bgp", effect.pass as never);
    else this.seat.log("info", "", effect.say);
  }
  standing(): void {
    this.counters++;
  }
  farewell(text: string): Event {
    return `farewell ${text}`;
  }
  flushed(): Promise<void> {
    return this.leave.promise;
  }
}

function open(...names: readonly string[]): { ports: FakePorts; host: EngineHost; engines: FakeEngine[] } {
  const ports = new FakePorts();
  const engines: FakeEngine[] = [];
  const entries = names.map((name) => ({
    name: name as EngineName,
    create: (seat: Seat<Event, never>) => {
      const engine = new FakeEngine(seat);
      engines.push(engine);
      return engine;
    },
  }));
  return { ports, host: new EngineHost(entries as readonly EngineEntry[], ports), engines };
}

const part = (sequence: number, engine: string, events: readonly Event[]): EnginePart => ({
  kind: "apply",
  sequence,
  engine: engine as "bgp",
  difference: events as unknown as BgpDifference,
});

describe("timers", () => {
  it("fire after the sockets were read: what arrived before a deadline counts", () => {
    const { ports, host, engines } = open("bgp");
    const [engine] = engines as [FakeEngine];
    engine.answer = (event, now) => (event === "keepalive" ? [{ wakeAt: now + 3_000 }] : []);
    host.receive(part(1, "bgp", ["keepalive"]));
    // The thread is held up beyond the deadline; a keepalive sits in the socket.
    ports.time = 3_400;
    ports.timers();
    expect(engine.steps).toEqual(["keepalive@0"]);
    engine.seat.step("keepalive");
    ports.poll();
    expect(engine.steps).toEqual(["keepalive@0", "keepalive@3400"]);
    ports.time = 6_400;
    ports.timers();
    ports.poll();
    expect(engine.steps.at(-1)).toBe("wake@6400");
  });

  it("are one timer for all engines, set to the earliest wish", () => {
    const { ports, engines } = open("bgp", "other");
    const [bgp, other] = engines as [FakeEngine, FakeEngine];
    bgp.seat.wakeAt(500);
    expect(ports.timer?.at).toBe(500);
    other.seat.wakeAt(200);
    expect(ports.timer?.at).toBe(200);
    ports.time = 200;
    ports.timers();
    ports.poll();
    expect([bgp.steps, other.steps]).toEqual([[], ["wake@200"]]);
    expect(ports.timer?.at).toBe(500);
    bgp.seat.wakeAt(null);
    expect(ports.timer).toBeNull();
  });

  it("that go off a moment early are set again", () => {
    const { ports, engines } = open("bgp");
    const [engine] = engines as [FakeEngine];
    engine.seat.wakeAt(100);
    ports.time = 99.6;
    ports.timer?.wake();
    ports.poll();
    expect(engine.steps).toEqual([]);
    expect(ports.timer?.at).toBeCloseTo(100);
  });
});

it("takes one part of a difference at a time, with a poll phase between, and acknowledges each", () => {
  const { ports, host, engines } = open("bgp", "other");
  const [bgp, other] = engines as [FakeEngine, FakeEngine];
  host.receive(part(1, "bgp", ["a", "b"]));
  host.receive(part(2, "bgp", ["c"]));
  host.receive(part(3, "other", ["d"]));
  expect(bgp.steps).toEqual(["a@0", "b@0"]);
  expect(ports.applied()).toEqual([1]);
  ports.poll();
  expect(bgp.steps.at(-1)).toBe("c@0");
  expect(other.steps).toEqual([]);
  ports.poll();
  expect(other.steps).toEqual(["d@0"]);
  expect(ports.applied()).toEqual([1, 2, 3]);
  ports.poll();
  host.receive(part(4, "bgp", ["e"]));
  expect(ports.applied()).toEqual([1, 2, 3, 4]);
});

it("hands what one engine found out to another", () => {
  const { engines } = open("other", "bgp");
  const [other, bgp] = engines as [FakeEngine, FakeEngine];
  other.answer = () => [{ pass: "peer down" }];
  other.seat.step("timeout");
  expect(bgp.steps).toEqual(["peer down@0"]);
});

it("tells counters at once, at most every second, and always within a second after the last step", () => {
  const { ports, engines } = open("bgp", "other");
  const [engine, other] = engines as [FakeEngine, FakeEngine];
  engine.seat.step("a");
  expect(engine.counters).toBe(1);
  for (ports.time = 100; ports.time <= 900; ports.time += 100) engine.seat.step("b");
  expect(engine.counters).toBe(1);
  expect(ports.timer?.at).toBe(1_000);
  ports.time = 1_000;
  ports.timers();
  ports.poll();
  expect(engine.counters).toBe(2);
  expect(other.counters).toBe(0);
  expect(ports.timer).toBeNull();
});

describe("the end", () => {
  it("waits for goodbyes that are still being sent", async () => {
    const { ports, host, engines } = open("bgp");
    const [engine] = engines as [FakeEngine];
    host.receive({ kind: "shutdown", text: "bye", routes: "withdraw" });
    expect(engine.steps).toEqual(["farewell bye@0"]);
    // What happens meanwhile does not move the limit.
    engine.seat.wakeAt(5);
    expect(ports.timer?.at).toBe(300);
    expect(ports.isStopped).toBe(false);
    engine.leave.resolve();
    await new Promise(setImmediate);
    expect(ports.isStopped).toBe(true);
    expect(ports.timer).toBeNull();
  });

  it("waits no longer than 300 ms for a peer that takes nothing", async () => {
    const { ports, host } = open("bgp");
    host.receive({ kind: "shutdown", text: "bye", routes: "withdraw" });
    ports.time = 300;
    ports.timers();
    await new Promise(setImmediate);
    expect(ports.isStopped).toBe(true);
  });
});
