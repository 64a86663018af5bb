import { describe, expect, it } from "vitest";
import type { JsonObject } from "../base/json.ts";
import { builtinSchema } from "../kinds/schema.ts";
import { mergePatch } from "./patch-types.ts";
import { strategicMerge } from "./strategic-merge.ts";

const service = builtinSchema("io.k8s.api.core.v1.Service");
const live: JsonObject = {
  metadata: { finalizers: ["a.io/x", "b.io/y"], labels: { a: "1" } },
  spec: {
    ports: [
      { port: 80, name: "http", nodePort: 30_001 },
      { port: 443, name: "https" },
    ],
    externalIPs: ["192.0.2.1"],
  },
};

describe("a strategic merge", () => {
  it("merges lists by their key and replaces lists without one", () => {
    const patched = strategicMerge(
      live,
      { spec: { ports: [{ port: 443, name: "tls" }], externalIPs: ["192.0.2.2"] } },
      service,
    );
    expect(patched.spec).toEqual({
      ports: [
        { port: 80, name: "http", nodePort: 30_001 },
        { port: 443, name: "tls" },
      ],
      externalIPs: ["192.0.2.2"],
    });
  });

  it("obeys its directives", () => {
    const patched = strategicMerge(
      live,
      {
        metadata: { "$deleteFromPrimitiveList/finalizers": ["a.io/x"], labels: { $patch: "replace", b: "2" } },
        spec: {
          "$setElementOrder/ports": [{ port: 8080 }, { port: 80 }],
          ports: [
            { port: 443, $patch: "delete" },
            { port: 8080, name: "alt" },
          ],
        },
      },
      service,
    );
    expect(patched.metadata).toEqual({ finalizers: ["b.io/y"], labels: { b: "2" } });
    expect(patched.spec).toMatchObject({ ports: [{ port: 8080 }, { port: 80 }] });
  });
});

describe("a merge patch", () => {
  it("removes with null and leaves the target as it was", () => {
    const before = structuredClone(live);
    expect(mergePatch(live, { metadata: null, spec: { ports: null } })).toEqual({
      spec: { externalIPs: ["192.0.2.1"] },
    });
    expect(live).toEqual(before);
  });
});
