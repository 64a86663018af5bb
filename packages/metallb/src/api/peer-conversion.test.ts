import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { convertBGPPeer, decodeBGPPeer } from "#api";

const metadata = { name: "router", namespace: "metallb-system", labels: { a: "b" }, managedFields: [{ manager: "m" }] };
const peer = (version: string, spec: unknown) => ({
  apiVersion: `metallb.io/${version}`,
  kind: "BGPPeer",
  metadata,
  spec,
});
const converted = (object: unknown, version: "v1beta1" | "v1beta2") => {
  const result = convertBGPPeer(object, version);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

const least = { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.1" };

describe("a BGPPeer between its versions", () => {
  it("keeps every field that both know, and all of its metadata", () => {
    const spec = {
      ...least,
      sourceAddress: "192.0.2.2",
      peerPort: 1179,
      holdTime: "90s",
      keepaliveTime: "30s",
      routerID: "192.0.2.3",
      nodeSelectors: [{}, { matchLabels: { a: "1" }, matchExpressions: [{ key: "b", operator: "In", values: ["c"] }] }],
      password: "secret",
      bfdProfile: "fast",
      ebgpMultiHop: true,
    };
    expect(converted(peer("v1beta1", spec), "v1beta2")).toEqual(peer("v1beta2", spec));
    expect(converted(peer("v1beta2", spec), "v1beta1")).toEqual(peer("v1beta1", spec));
  });

  it("leaves absent timers absent, both ways", () => {
    for (const [from, to] of [
      ["v1beta1", "v1beta2"],
      ["v1beta2", "v1beta1"],
    ] as const)
      expect(converted(peer(from, least), to).spec).toStrictEqual(least);
    expect(converted(peer("v1beta2", { ...least, holdTime: null }), "v1beta1").spec).toEqual(least);
  });

  it("loses towards v1beta1 what that does not know", () => {
    const newer = {
      dynamicASN: "external",
      interface: "eth0",
      connectTime: "5s",
      passwordSecret: { name: "s" },
      vrf: "red",
      disableMP: false,
      dualStackAddressFamily: true,
      enableGracefulRestart: true,
      localASN: 5,
    };
    expect(converted(peer("v1beta2", { ...least, ...newer }), "v1beta1").spec).toEqual(least);
    expect(converted(peer("v1beta2", { myASN: 1, ...newer }), "v1beta1").spec).toEqual({
      myASN: 1,
      peerASN: 0,
      peerAddress: "",
    });
  });

  it("has port 0 in v1beta1 alone, where it says nothing", () => {
    expect(converted(peer("v1beta1", { ...least, peerPort: 0 }), "v1beta2").spec).toEqual(least);
    // Without a conversion webhook it arrives as it was stored.
    const decoded = decodeBGPPeer(peer("v1beta2", { ...least, peerPort: 0 }));
    expect(decoded.ok && decoded.value.spec.peerPort).toBe(179);
    expect(decodeBGPPeer(peer("v1beta2", { ...least, peerPort: 65536 })).ok).toBe(false);
  });

  it("is itself in its own version, and nothing in another kind or version", () => {
    const object = peer("v1beta2", { anything: 1 });
    expect(converted(object, "v1beta2")).toBe(object);
    expect(convertBGPPeer({ ...object, kind: "Service" }, "v1beta1").ok).toBe(false);
    expect(convertBGPPeer(peer("v1alpha1", least), "v1beta1").ok).toBe(false);
    expect(convertBGPPeer({ kind: "x".repeat(1000) }, "v1beta1")).toEqual({
      ok: false,
      error: `cannot convert ${"x".repeat(80)} of nothing to metallb.io/v1beta1`,
    });
  });

  it("without a spec has none in the other version either", () => {
    const bare = { apiVersion: "metallb.io/v1beta1", kind: "BGPPeer", metadata };
    expect(converted(bare, "v1beta2")).toEqual({ ...bare, apiVersion: "metallb.io/v1beta2" });
  });

  it("never throws, and comes back the same from v1beta2", () => {
    fc.assert(
      fc.property(fc.anything(), fc.jsonValue(), (junk, spec) => {
        expect(convertBGPPeer(junk, "v1beta2").ok).toBeTypeOf("boolean");
        for (const from of ["v1beta1", "v1beta2"])
          for (const to of ["v1beta1", "v1beta2"] as const) expect(convertBGPPeer(peer(from, spec), to).ok).toBe(true);
      }),
    );
    const older = fc.record(
      {
        myASN: fc.nat(),
        peerASN: fc.nat(),
        peerAddress: fc.string(),
        peerPort: fc.integer({ min: 1, max: 65535 }),
        holdTime: fc.constantFrom("0s", "90s"),
        keepaliveTime: fc.constantFrom("0s", "30s"),
        password: fc.string(),
        ebgpMultiHop: fc.boolean(),
      },
      { requiredKeys: ["myASN", "peerASN", "peerAddress"] },
    );
    fc.assert(
      fc.property(older, (spec) => {
        const object = peer("v1beta1", spec);
        expect(converted(converted(object, "v1beta2"), "v1beta1")).toEqual(object);
      }),
    );
  });
});
