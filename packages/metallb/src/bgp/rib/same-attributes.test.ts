import { describe, expect, it } from "vitest";
import type { PathAttributes } from "../settings.ts";
import { announce, PLAIN } from "../testing.ts";
import { RouteTable } from "./route-table.ts";

const FULL: PathAttributes = {
  localPref: 200,
  communities: [1, 2],
  largeCommunities: [
    [64500, 1, 2],
    [64500, 1, 3],
  ],
  med: 5,
  asPathPrepend: 2,
  linkBandwidth: 1_000,
};

/** Whether a session has anything to be told when the attributes of its route are others. */
function isNews(before: PathAttributes, after: PathAttributes): boolean {
  const table = new RouteTable();
  table.apply(announce(["10.0.0.0/8"], before));
  const { position } = table;
  table.apply(announce(["10.0.0.0/8"], after));
  return table.position !== position;
}

describe("a route that is announced again", () => {
  it("is no news where its attributes say the same", () => {
    expect(isNews(FULL, structuredClone(FULL))).toBe(false);
    expect(isNews(PLAIN, { ...PLAIN, med: null, asPathPrepend: 0, linkBandwidth: null })).toBe(false);
  });

  it.each<[string, Partial<PathAttributes>]>([
    ["LOCAL_PREF", { localPref: null }],
    ["one community less", { communities: [1] }],
    ["one community more", { communities: [1, 2, 3] }],
    ["another community", { communities: [1, 3] }],
    ["one large community less", { largeCommunities: [[64500, 1, 2]] }],
    [
      "one large community more",
      {
        largeCommunities: [
          [64500, 1, 2],
          [64500, 1, 3],
          [64500, 1, 4],
        ],
      },
    ],
    [
      "another last part of a large community",
      {
        largeCommunities: [
          [64500, 1, 2],
          [64500, 1, 4],
        ],
      },
    ],
    [
      "another first part of a large community",
      {
        largeCommunities: [
          [64501, 1, 2],
          [64500, 1, 3],
        ],
      },
    ],
    ["MULTI_EXIT_DISC", { med: 6 }],
    ["no MULTI_EXIT_DISC", { med: null }],
    ["a shorter path", { asPathPrepend: 0 }],
    ["another bandwidth", { linkBandwidth: 2_000 }],
    ["no bandwidth", { linkBandwidth: null }],
  ])("is news where it has %s", (_, other) => {
    expect(isNews(FULL, { ...FULL, ...other })).toBe(true);
    expect(isNews({ ...FULL, ...other }, FULL)).toBe(true);
  });
});
