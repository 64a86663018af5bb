import { expect, it } from "vitest";
import { ip } from "#net";
import type { Layer2Claim, Layer2Verdict } from "#planner";
import { neighborParts } from "./neighbor-difference.ts";

const claims = (count: number): readonly Layer2Claim[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{ holder: `default/s${i}`, interfaces: null, fenced: false },
    address: ip(4, BigInt(0xc0000200 + i)),
  }));

it("says whether an address is news as it is when it is asked, and not when the part is sent", () => {
  let isNews = true;
  const announce = claims(501);
  const verdict = (): Layer2Verdict => ({ announced: false, reason: "noEndpoints", facts: {} });
  const parts = neighborParts({ announce, withdraw: [] }, { isNews: () => isNews, verdict, isHeard: () => false });
  isNews = false;
  expect(parts.map(({ events }) => events.length)).toEqual([500, 1]);
  for (const { events } of parts) for (const event of events) expect(event).toMatchObject({ claim: "probe-first" });
});

it("goes on answering until another announces, unless it is fenced and that would not be heard", () => {
  const releases = (fenced: boolean, heard: boolean, verdict: Layer2Verdict) =>
    neighborParts(
      { announce: [], withdraw: claims(1).map(({ holder, address }) => ({ holder, address, fenced })) },
      { isNews: () => false, verdict: () => verdict, isHeard: () => heard },
    ).flatMap(({ events }) => events.map((event) => (event.kind === "withdraw" ? event.release : "")));
  const other: Layer2Verdict = { announced: false, reason: "ownedByOther", facts: { owner: "n2" } };
  expect([releases(false, false, other), releases(true, true, other), releases(true, false, other)]).toEqual([
    ["when-taken-over"],
    ["when-taken-over"],
    ["at-once"],
  ]);
  const none: Layer2Verdict = { announced: false, reason: "noLease", facts: {} };
  expect([releases(true, true, none), releases(false, true, none)]).toEqual([["at-once"], ["at-once"]]);
});
