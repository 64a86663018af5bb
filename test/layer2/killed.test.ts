import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually } from "../support/programs.ts";
import { FaultyLan, WRITES } from "./faulty-lan.ts";
import { VIP } from "./lan.ts";

/** In an order in which there is something to remove when a removal is waited for. */
const KILLS = [
  ["before", "event"],
  ["after", "event"],
  ["before", "object"],
  ["after", "object"],
  ["before", "status"],
  ["before", "removal"],
  ["after", "removal"],
  ["after", "status"],
] as const;

describeWith(["root", "namespaces", "bird", "kubectl"], "a LAN of ten nodes", () => {
  let faulty: FaultyLan;

  beforeAll(async () => {
    faulty = await FaultyLan.open(KILLS.length + 2);
    await faulty.tells(await faulty.lan.settled(VIP));
  });
  afterAll(() => faulty?.close());

  it("each owner in turn is killed before or after one of its writes: the last one tells the truth", async () => {
    const killed: string[] = [];
    for (const [name, api] of faulty.apis)
      api.rule = (asked) => {
        const [when, kind] = KILLS[killed.length] ?? [];
        if (kind === undefined || killed.includes(name) || !WRITES[kind](asked)) return null;
        killed.push(name);
        const dies = () => faulty.kill(name);
        return when === "after"
          ? { after: dies }
          : { before: dies().then(() => Promise.reject(new Error("killed before it was heard"))) };
      };
    await faulty.kill(await faulty.lan.owner(VIP));
    await eventually(
      () => killed.map((name, i) => `${KILLS[i]?.join(" ")} ${name}`),
      (all) => all.length === KILLS.length,
      { what: "each of them is killed", limit: 60_000 },
    );
    const [last = ""] = faulty.others();
    expect(await faulty.lan.owner(VIP, [last])).toBe(last);
    await faulty.tells(last);
  });
});
