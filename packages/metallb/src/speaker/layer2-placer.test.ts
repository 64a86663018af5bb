import { expect, it } from "vitest";
import { ApiError, type KubeObject } from "#kube";
import { ip } from "#net";
import { type Plan, placerOf } from "#planner";
import { Layer2Placer } from "./layer2-placer.ts";
import { sha256 } from "./sha256.ts";

type Placeables = Plan["placeable"];

const MEMBERS = new Set(["a", "b", "c"]);
const PLACER = placerOf(MEMBERS, sha256) ?? "";

const HOMELESS = { ip: ip(4, 1n), field: ["b", "a", "c"], placed: null, isShared: false, written: undefined };

function open(node = PLACER, fails: ApiError | null = null) {
  const annotations: Record<string, string> = {};
  const patches: unknown[] = [];
  const troubles: string[] = [];
  let reads = 0;
  let placeable: Placeables = new Map([["default/s", HOMELESS]]);
  const placer = new Layer2Placer({
    client: {
      get: async (): Promise<KubeObject> => {
        reads += 1;
        return { metadata: { resourceVersion: "7", annotations } };
      },
      patch: async (_, where, type, patch): Promise<KubeObject> => {
        patches.push([where.namespace, where.name, where.subresource, type, patch]);
        if (fails) throw fails;
        return {};
      },
    },
    node,
    plan: () => ({ placeable }),
    members: () => MEMBERS,
    sha256,
    trouble: (message) => void troubles.push(message),
    after: 0,
  });
  const set = (now: Placeables) => {
    placeable = now;
  };
  return { placer, patches, troubles, annotations, set, reads: () => reads };
}

it("writes where a Service is placed, of the version that it looked at", async () => {
  const { placer, patches } = open();
  placer.look();
  await expect.poll(() => patches).toHaveLength(1);
  expect(patches[0]).toEqual([
    "default",
    "s",
    "status",
    "merge",
    { metadata: { resourceVersion: "7", annotations: { "metallb.io/l2-node": "b" } } },
  ]);
  await placer.stop();
});

it("leaves a Service where somebody has placed it meanwhile", async () => {
  const { placer, patches, annotations, reads } = open();
  annotations["metallb.io/l2-node"] = "c";
  placer.look();
  await expect.poll(() => reads()).toBe(1);
  await placer.stop();
  expect(patches).toEqual([]);
});

it("writes on those that share an address where it is, unless somebody moves one meanwhile", async () => {
  for (const [standing, writes] of [
    ["b", 1],
    ["c", 0],
  ] as const) {
    const { placer, set, annotations, patches, reads } = open();
    annotations["metallb.io/l2-node"] = standing;
    const shared = { ...HOMELESS, placed: "a", isShared: true };
    set(
      new Map([
        ["default/r", { ...shared, written: "a" }],
        ["default/s", { ...shared, written: "b" }],
      ]),
    );
    placer.look();
    await expect.poll(() => (writes === 1 ? patches.length : reads())).toBe(1);
    await placer.stop();
    expect(patches).toHaveLength(writes);
    for (const [, name] of patches as string[][]) expect(name).toBe("s");
  }
});

it("writes nothing when another member places, or nothing is to be placed", async () => {
  for (const [node, placed] of [
    ["other", null],
    [PLACER, "a"],
  ] as const) {
    const { placer, set, reads } = open(node);
    set(new Map([["default/s", { ...HOMELESS, placed, written: placed ?? undefined }]]));
    placer.look();
    await new Promise((resolve) => setTimeout(resolve, 5));
    await placer.stop();
    expect(reads()).toBe(0);
  }
});

it("says that it may not write, and does not try again by itself", async () => {
  const { placer, patches, troubles } = open(PLACER, new ApiError(403, "Forbidden", "no"));
  placer.look();
  await expect.poll(() => troubles).toHaveLength(1);
  expect(patches).toHaveLength(1);
  await placer.stop();
});
