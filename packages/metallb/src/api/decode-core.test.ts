import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANNOTATIONS,
  annotation,
  decodeBGPAdvertisement,
  decodeBGPPeer,
  decodeConfigurationState,
  decodeEndpointSlice,
  decodeIPAddressPool,
  decodeNamespace,
  decodeNode,
  decodeSecret,
  decodeService,
  decodeServiceBGPStatus,
  decodeServiceL2Status,
  deprecatedAnnotations,
} from "#api";

const metadata = { name: "a", namespace: "default", uid: "u", resourceVersion: "7" };

describe("a Service", () => {
  it("is projected to what is read", () => {
    const decoded = decodeService({
      metadata: {
        ...metadata,
        labels: { x: "1" },
        annotations: { "metallb.io/address-pool": "p", other: "y" },
        deletionTimestamp: "2026-01-01T00:00:00Z",
      },
      spec: {
        type: "LoadBalancer",
        clusterIP: "10.96.0.1",
        externalTrafficPolicy: "Local",
        ports: [{ port: 53, protocol: "UDP" }, { port: 80 }],
        loadBalancerClass: "",
      },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }, { hostname: "h" }] } },
    });
    expect(decoded).toEqual({
      key: "default/a",
      ...metadata,
      labels: { x: "1" },
      annotations: { "metallb.io/address-pool": "p" },
      type: "LoadBalancer",
      loadBalancerClass: "",
      loadBalancerIP: null,
      clusterIPs: ["10.96.0.1"],
      ipFamilies: [],
      ipFamilyPolicy: null,
      externalTrafficPolicy: "Local",
      selector: {},
      ports: [
        { protocol: "UDP", port: 53 },
        { protocol: "TCP", port: 80 },
      ],
      ingress: [
        { ip: "192.0.2.1", hostname: null, ipMode: "VIP" },
        { ip: null, hostname: "h", ipMode: null },
      ],
      creationTimestamp: "",
      deleting: true,
    });
  });

  it("has the annotation of either prefix, the new one wherever it stands", () => {
    const of = (annotations: Record<string, string>) => annotation({ annotations }, ANNOTATIONS.addressPool);
    expect(of({ "metallb.universe.tf/address-pool": "old" })).toBe("old");
    expect(of({ "metallb.universe.tf/address-pool": "old", "metallb.io/address-pool": "" })).toBe("");
    expect(of({})).toBeUndefined();
    expect(
      deprecatedAnnotations({
        annotations: { "metallb.universe.tf/b": "", "metallb.io/a": "", "metallb.universe.tf/a": "" },
      }),
    ).toEqual(["metallb.universe.tf/a", "metallb.universe.tf/b"]);
  });
});

it.each([
  [{}, true],
  [{ ready: true }, true],
  [{ ready: false }, false],
  [{ ready: null }, true],
  [{ ready: false, serving: true, terminating: true }, true],
  [{ ready: false, serving: false }, false],
])("an endpoint with %j serves: %s", (conditions, serving) => {
  const decoded = decodeEndpointSlice({
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": "web" } },
    endpoints: [{ conditions, addresses: ["10.0.0.1"], nodeName: "n" }, { addresses: [] }],
  });
  expect(decoded?.serviceKey).toBe("default/web");
  expect(decoded?.endpoints).toEqual([
    { nodeName: "n", serving, hasAddress: true },
    { nodeName: null, serving: true, hasAddress: false },
  ]);
});

it("a Node tells whether it has a network", () => {
  const of = (status: string) =>
    decodeNode({
      metadata: { name: "n" },
      status: { conditions: [{ type: "NetworkUnavailable", status }], addresses: [{ address: "192.0.2.1" }] },
    });
  expect(of("True")).toMatchObject({ key: "n", networkUnavailable: true, addresses: ["192.0.2.1"] });
  expect(of("False")?.networkUnavailable).toBe(false);
});

describe("a Secret", () => {
  it("keeps the password of basic-auth alone", () => {
    const of = (type: string, password: string) =>
      decodeSecret({ metadata, type, data: { password, other: "eA==" } })?.password;
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(of("kubernetes.io/basic-auth", Buffer.from(text).toString("base64"))).toBe(text);
      }),
    );
    expect(of("Opaque", "eA==")).toBeNull();
    expect(of("kubernetes.io/basic-auth", "not base64!")).toBeNull();
  });
});

it("junk is no object, and never an exception", () => {
  const decoders = [decodeService, decodeEndpointSlice, decodeNode, decodeNamespace, decodeSecret];
  for (const decode of decoders)
    for (const junk of [null, 1, "x", [], {}, { metadata: null }, { metadata: { name: 5 } }])
      expect(decode(junk)).toBeNull();
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (spec, status, endpoints) => {
      for (const decode of decoders) expect(decode({ metadata, spec, status, endpoints, data: spec })).not.toBeNull();
      expect(decodeIPAddressPool({ metadata, spec }).ok).toBeTypeOf("boolean");
      expect(decodeBGPPeer({ metadata: spec, spec: status }).ok).toBeTypeOf("boolean");
    }),
  );
});

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
    expect(read(["x"])).toEqual([[], ["spec"]]);
    expect(read({ addresses: ["10.0.0.0/24"] })).toEqual([["10.0.0.0/24"], []]);
    const selector = { matchLabels: { ["x".repeat(250_000)]: 5 } };
    const long = decodeBGPAdvertisement({ metadata, spec: { nodeSelectors: [selector], peers: ["p"] } });
    expect(long.ok && long.value.spec.peers).toEqual(["p"]);
    expect(long.ok && JSON.stringify(long.value.faults).length < 500).toBe(true);
  });
});
