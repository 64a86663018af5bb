import { describe, expect, it } from "vitest";
import { ip } from "#net";
import { Drain } from "./drain.ts";

/** A drain with timers that run when they are told to, and engines that take what they get at once. */
function bench() {
  const sent: boolean[] = [];
  const log: string[] = [];
  const timers: { milliseconds: number; act: () => void }[] = [];
  let changed = 0;
  const drain = new Drain({
    node: "node-1",
    engines: {
      send: (_, parts, applied) => {
        for (const part of parts) if ("drain" in part && part.drain !== undefined) sent.push(part.drain);
        applied?.();
      },
    },
    fallbackRouterId: ip(4, 1n),
    log: { info: (message) => log.push(message), warn: (message) => log.push(message) },
    changed: () => {
      changed++;
    },
    later: (milliseconds, then) => {
      const timer = { milliseconds, act: then };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
  const pass = (): number => {
    const [timer] = timers.splice(0, 1);
    timer?.act();
    return timer?.milliseconds ?? -1;
  };
  return { drain, sent, log, timers, pass, plans: () => changed };
}

describe("the drain of a node", () => {
  it("warns, waits, withdraws, and ends the sessions when nothing stands any more", () => {
    const { drain, sent, pass, plans } = bench();
    drain.look({ drain: null });
    expect([drain.phase, drain.farewell, sent]).toEqual(["none", null, []]);
    drain.look({ drain: "3s" });
    expect([drain.phase, drain.farewell, sent]).toEqual(["warned", null, [true]]);
    drain.planned(false);
    expect(pass()).toBe(3_000);
    expect([drain.phase, plans()]).toEqual(["withdrawn", 1]);
    drain.planned(true);
    expect(pass()).toBe(-1);
    drain.planned(false);
    drain.planned(false);
    expect(pass()).toBe(1_000);
    expect([drain.phase, drain.farewell]).toEqual(["closed", "the node is drained (metallb.io/drain)"]);
    expect(pass()).toBe(-1);
  });

  it("is taken back in every phase", () => {
    for (const steps of [0, 1, 2]) {
      const { drain, sent, pass, timers } = bench();
      drain.look({ drain: null });
      drain.look({ drain: "" });
      for (let step = 0; step < steps; step++) {
        pass();
        drain.planned(false);
      }
      drain.look({ drain: null });
      expect([drain.phase, drain.farewell, sent, timers]).toEqual(["none", null, [true, false], []]);
    }
  });

  it("announces again when it has become the last that could", () => {
    const { drain, pass } = bench();
    drain.look({ drain: null });
    drain.look({ drain: "0s" });
    pass();
    drain.planned(false);
    pass();
    expect(drain.phase).toBe("closed");
    drain.planned(true);
    expect([drain.phase, drain.farewell]).toEqual(["withdrawn", null]);
  });

  it("keeps the sessions when something comes to stand before they end", () => {
    const { drain, pass, timers } = bench();
    drain.look({ drain: null });
    drain.look({ drain: "0s" });
    pass();
    drain.planned(false);
    drain.planned(true);
    expect([drain.phase, timers]).toEqual(["withdrawn", []]);
  });

  it("warns nobody on a node that was drained before the speaker started, or that the API does not know", () => {
    const { drain, sent, timers } = bench();
    drain.look(undefined);
    drain.look({ drain: "true" });
    expect([drain.phase, sent, timers]).toEqual(["withdrawn", [true], []]);
    drain.look(undefined);
    expect(drain.phase).toBe("withdrawn");
  });

  it("says what it cannot read, and takes the usual time", () => {
    const { drain, log, pass } = bench();
    drain.look({ drain: null });
    drain.look({ drain: "soon" });
    expect(log[0]).toContain('"soon" is neither "true" nor a duration');
    expect(pass()).toBe(10_000);
  });
});
