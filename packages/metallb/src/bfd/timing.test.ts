import { describe, expect, it } from "vitest";
import { ARRIVE, Bench } from "./testing.ts";

describe("the time between packets", () => {
  const gaps = (random: () => number, detectMultiplier: number) => {
    const bench = new Bench(random).up({ detectMultiplier, transmitInterval: 100, receiveInterval: 5_000 });
    bench.hear("Up", { requiredMinRx: 1, desiredMinTx: 5_000_000 });
    bench.advance(1_000);
    const times = bench.sent.slice(-4).map(({ at }) => at);
    return times.slice(1).map((at, i) => Math.round(at - (times[i] ?? 0)));
  };

  it("is spread from three quarters to all of it", () => {
    expect(gaps(() => 0, 3)).toEqual([100, 100, 100]);
    expect(gaps(() => 1 - 1e-9, 3)).toEqual([75, 75, 75]);
  });

  it("is a tenth less at least where one lost packet is a failure", () => {
    expect(gaps(() => 0, 1)).toEqual([90, 90, 90]);
    expect(gaps(() => 1 - 1e-9, 1)).toEqual([75, 75, 75]);
  });

  it("makes good for a packet that came late, as far as the quarter goes", () => {
    const after = (late: number) => {
      const bench = new Bench(() => 0).up({ transmitInterval: 100, receiveInterval: 5_000 });
      bench.hear("Up", { requiredMinRx: 1, desiredMinTx: 5_000_000 });
      bench.advance(1_000);
      bench.now = (bench.wakeAt ?? 0) + late;
      const held = bench.now;
      bench.step({ kind: "time" });
      bench.advance(250);
      return bench.sent.filter(({ at }) => at >= held).map(({ at }) => Math.round(at - held));
    };
    expect(after(0)).toEqual([0, 100, 200]);
    expect(after(10)).toEqual([0, 90, 190]);
    // And not sooner than it may, nor beyond the next one.
    expect(after(60)).toEqual([0, 75, 175]);
  });

  it("is a second at least until Up, and more where more is configured", () => {
    for (const [transmitInterval, desiredMinTx] of [
      [50, 1_000_000],
      [3_000, 3_000_000],
    ] as const) {
      const bench = new Bench();
      bench.set({ transmitInterval });
      bench.advance(10);
      expect(bench.last).toMatchObject({ desiredMinTx, requiredMinRx: 50_000, detectMultiplier: 3, demand: false });
    }
  });

  it("is not put off by answers to polls", () => {
    const bench = new Bench().up();
    bench.advance(60);
    bench.sent = [];
    bench.hear("Up", { poll: true });
    bench.advance(100);
    const [answer, ...regular] = bench.sent.map(({ at, packet }) => [at, packet.final]);
    expect(answer).toEqual([61, true]);
    expect(regular).toEqual([
      [101, false],
      [151, false],
    ]);
  });

  it("grows only after the peer has answered the poll that tells it", () => {
    const bench = new Bench().up({ receiveInterval: 1_000 });
    bench.set({ transmitInterval: 200, receiveInterval: 1_000 });
    bench.sent = [];
    bench.advance(200);
    expect(bench.sent.map(({ packet }) => [packet.poll, packet.desiredMinTx])).toEqual(Array(4).fill([true, 200_000]));
    bench.hear("Up", { final: true });
    bench.sent = [];
    bench.advance(800);
    expect(bench.sent.map(({ packet }) => packet.poll)).toEqual([false, false, false, false]);
  });

  it("goes on at the slow pace after a failure, and asks for nothing", () => {
    const bench = new Bench();
    ARRIVE.Up(bench);
    bench.advance(5_000);
    expect(bench.report.state).toBe("Down");
    bench.sent = [];
    bench.advance(3_000);
    expect(bench.sent.map(({ packet }) => [packet.state, packet.poll])).toEqual(Array(3).fill(["Down", false]));
    const told = new Bench();
    ARRIVE.Up(told);
    told.hear("Down");
    expect(told.last).toMatchObject({ state: "Down", poll: false, diagnostic: 3, controlPlaneIndependent: false });
  });

  it("has one packet, and then none, when a peer that takes nothing is lost", () => {
    const bench = new Bench().up();
    bench.hear("Up", { requiredMinRx: 0 });
    bench.sent = [];
    bench.advance(10_000);
    expect(bench.sent.map(({ packet }) => packet.state)).toEqual(["Down"]);
  });

  it("is not ended by a peer that asks for silence before both are Up", () => {
    const half = new Bench().up();
    half.hear("Init", { demand: true });
    const down = new Bench();
    ARRIVE.Down(down);
    down.hear("Up", { demand: true, yourDiscriminator: down.discriminator, desiredMinTx: 9_000_000 });
    for (const [bench, time] of [
      [half, 140],
      [down, 2_500],
    ] as const) {
      bench.sent = [];
      bench.advance(time);
      expect(bench.sent).toHaveLength(2);
    }
  });

  it("is asked for by no poll while the session is not Up", () => {
    const bench = new Bench();
    ARRIVE.Down(bench);
    bench.set({ receiveInterval: 70 });
    bench.advance(1_000);
    expect(bench.last).toMatchObject({ poll: false, requiredMinRx: 70_000 });
  });

  it("goes on by what the peer takes while it is down", () => {
    const bench = new Bench();
    ARRIVE.Init(bench);
    bench.hear("Down", { requiredMinRx: 4_000_000, desiredMinTx: 9_000_000 });
    bench.sent = [];
    bench.advance(9_000);
    expect(bench.sent.length).toBe(2);
  });
});
