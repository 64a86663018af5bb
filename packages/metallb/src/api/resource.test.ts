import { describe, expect, it } from "vitest";
import {
  decodeBFDProfile,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeCommunity,
  decodeConfigurationState,
  decodeIPAddressPool,
  decodeL2Advertisement,
  decodeServiceBGPStatus,
  decodeServiceL2Status,
} from "#api";

const metadata = { name: "a", namespace: "default", uid: "u", resourceVersion: "7" };

describe("a custom resource", () => {
  it("gets the defaults of its CRD", () => {
    const decoded = decodeIPAddressPool({ metadata, spec: { addresses: ["192.0.2.0/24"] } });
    expect(decoded.ok && decoded.value).toMatchObject({
      key: "default/a",
      generation: 0,
      spec: { autoAssign: true, avoidBuggyIPs: false },
    });
    const peer = decodeBGPPeer({ metadata, spec: { myASN: 1 } });
    expect(peer.ok && peer.value.spec).toEqual({
      myASN: 1,
      peerPort: 179,
      disableMP: false,
      dualStackAddressFamily: false,
    });
  });

  it("that is a status alone is read without its spec", () => {
    const bgp = decodeServiceBGPStatus({ metadata, spec: {}, status: { node: "n", peers: ["p"], other: 1 } });
    expect(bgp.ok && bgp.value).toMatchObject({ key: "default/a", status: { node: "n", peers: ["p"] } });
    expect(bgp.ok && Object.keys(bgp.value.status)).toEqual(["node", "peers"]);
    const l2 = decodeServiceL2Status({ metadata, status: { interfaces: [{ name: "eth0" }] } });
    expect(l2.ok && l2.value.status.interfaces).toEqual([{ name: "eth0" }]);
    const state = decodeConfigurationState({ metadata, status: { result: "Fine" } });
    expect(state.ok ? [] : state.error.map(({ path }) => path)).toEqual(["status.result"]);
    expect(decodeConfigurationState({ metadata }).ok).toBe(true);
  });

  it("may have timers that are null", () => {
    const spec = { myASN: 1, holdTime: null, keepaliveTime: null };
    expect(decodeBGPPeer({ metadata, spec }).ok).toBe(true);
    expect(decodeBGPPeer({ metadata, spec: { myASN: 1, connectTime: null } }).ok).toBe(false);
  });

  it("that does not fit names the fields", () => {
    const decoded = decodeBGPPeer({ metadata, spec: { myASN: "x", peerASN: 5, peerPort: -1 } });
    expect(decoded.ok ? [] : decoded.error.map(({ path }) => path)).toEqual(["spec.myASN", "spec.peerPort"]);
  });

  it("that fits in parts is read in parts, and says what it left out", () => {
    const read = (spec: unknown) => {
      const decoded = decodeIPAddressPool({ metadata, spec });
      if (!decoded.ok) throw new Error("not read");
      return [decoded.value.spec.addresses, decoded.value.faults.map(({ path }) => path)];
    };
    expect(read({ addresses: ["10.0.0.0/24", 5], autoAssign: "yes" })).toEqual([
      ["10.0.0.0/24"],
      ["spec.addresses[1]", "spec.autoAssign"],
    ]);
    expect(read({ addresses: "10.0.0.0/24" })).toEqual([[], ["spec.addresses"]]);
    for (const junk of [["x"], "x", 5]) expect(read(junk)).toEqual([[], ["spec"]]);
    expect(read({ addresses: ["10.0.0.0/24"] })).toEqual([["10.0.0.0/24"], []]);
    const selector = { matchLabels: { ["x".repeat(250_000)]: 5 } };
    const long = decodeBGPAdvertisement({ metadata, spec: { nodeSelectors: [selector], peers: ["p"] } });
    expect(long.ok && long.value.spec.peers).toEqual(["p"]);
    expect(long.ok && JSON.stringify(long.value.faults).length < 500).toBe(true);
  });

  it("keeps what fits beside a field that has to go", () => {
    const decoded = decodeIPAddressPool({ metadata, spec: { addresses: "10.0.0.0/24", autoAssign: false } });
    expect(decoded.ok && decoded.value.spec).toMatchObject({ addresses: [], autoAssign: false });
  });

  it("names twenty faults and no more", () => {
    const decoded = decodeIPAddressPool({ metadata, spec: { addresses: [...Array(30).fill(5), "10.0.0.0/24"] } });
    expect(decoded.ok && decoded.value.faults).toHaveLength(20);
    expect(decoded.ok && decoded.value.spec.addresses).toEqual(["10.0.0.0/24"]);
  });

  it("is not changed by being read", () => {
    const spec = { addresses: ["10.0.0.0/24", 5], autoAssign: "yes" };
    decodeIPAddressPool({ metadata, spec });
    expect(spec).toEqual({ addresses: ["10.0.0.0/24", 5], autoAssign: "yes" });
  });

  it("carries our annotations alone, and the time of its making", () => {
    const head = (more: object) => {
      const decoded = decodeCommunity({ metadata: { name: "a", ...more } });
      return decoded.ok ? decoded.value : null;
    };
    const annotations = { "metallb.io/x": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}" };
    const made = head({ annotations, creationTimestamp: "2026-01-01T00:00:00Z" });
    expect(made).toMatchObject({ key: "a", creationTimestamp: "2026-01-01T00:00:00Z" });
    expect(made?.annotations).toEqual({ "metallb.io/x": "1" });
    for (const nothing of [{}, { annotations: null, creationTimestamp: null }])
      expect(head(nothing)).toMatchObject({ annotations: {}, creationTimestamp: "" });
  });

  it.each<[kind: string, decode: (object: unknown) => { readonly ok: boolean }, spec: object]>([
    ["L2Advertisement", decodeL2Advertisement, { interfaces: ["eth0"] }],
    ["BFDProfile", decodeBFDProfile, { receiveInterval: 50 }],
    ["Community", decodeCommunity, { communities: [{ name: "a", value: "1:2" }] }],
    ["BGPAdvertisement", decodeBGPAdvertisement, { peers: ["p"] }],
    ["BGPPeer", decodeBGPPeer, { myASN: 1, peerPort: 1179 }],
  ])("of kind %s is read", (_, decode, spec) => {
    expect(decode({ metadata, spec })).toMatchObject({ ok: true, value: { key: "default/a", spec } });
  });
});
