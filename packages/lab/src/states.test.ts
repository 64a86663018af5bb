import { describe, expect, it } from "vitest";
import { readControllerState, readSpeakerState } from "./states.ts";

describe("what the processes tell", () => {
  it("is read as the controller says it", () => {
    const state = readControllerState({
      pools: [{ name: "lab", ipv4: { total: "256", used: 1, free: "255" }, ipv6: { total: "0", used: 0, free: "0" } }],
      waiting: [{ service: "default/greedy", code: "noPool", message: "no pool is open to it", pools: [] }],
    });
    expect(state.pools.get("lab")).toEqual({ used: "1", free: "255" });
    expect(state.refusals.get("default/greedy")).toBe("no pool is open to it");
  });

  it("adds up where numbers end", () => {
    const half = { used: 0, free: "18446744073709551615" };
    const state = readControllerState({ pools: [{ name: "wide", ipv4: half, ipv6: half }] });
    expect(state.pools.get("wide")?.free).toBe("36893488147419103230");
  });

  it("is nothing when it is anything else", () => {
    for (const answer of [null, 1, "text", [], { pools: 3, sessions: {}, services: [null] }]) {
      expect(readControllerState(answer).pools.size).toBe(0);
      expect(readSpeakerState(answer).sessions).toEqual([]);
    }
  });
});
