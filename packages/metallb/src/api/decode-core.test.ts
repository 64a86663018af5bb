import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ANNOTATIONS,
  allocatedFrom,
  annotation,
  decodeBGPPeer,
  decodeEndpointSlice,
  decodeIPAddressPool,
  decodeNamespace,
  decodeNode,
  decodeSecret,
  decodeService,
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

  it.each<[spec: object, expected: object]>([
    [{ loadBalancerIP: "192.0.2.7" }, { loadBalancerIP: "192.0.2.7" }],
    [{ loadBalancerIP: "" }, { loadBalancerIP: null }],
    [{ loadBalancerClass: 5 }, { loadBalancerClass: null }],
    [{ clusterIPs: ["10.96.0.1", "fd00::1"], clusterIP: "10.96.0.1" }, { clusterIPs: ["10.96.0.1", "fd00::1"] }],
    [{ clusterIPs: [5, "10.96.0.1"] }, { clusterIPs: ["10.96.0.1"] }],
    [{ clusterIP: "" }, { clusterIPs: [] }],
    [{ ipFamilies: ["IPv6", "IPv4"] }, { ipFamilies: ["IPv6", "IPv4"] }],
    [{ ipFamilyPolicy: "RequireDualStack" }, { ipFamilyPolicy: "RequireDualStack" }],
    [{ ipFamilyPolicy: "PreferDualStack" }, { ipFamilyPolicy: "PreferDualStack" }],
    [{ ipFamilyPolicy: "Neither" }, { ipFamilyPolicy: null }],
    [{ externalTrafficPolicy: "Cluster" }, { externalTrafficPolicy: "Cluster" }],
    [{}, { externalTrafficPolicy: "Cluster", type: "ClusterIP", ports: [], ingress: [] }],
    [{ selector: { app: "web", odd: 5 } }, { selector: { app: "web" } }],
    [{ ports: [{ port: "80" }] }, { ports: [{ protocol: "TCP", port: 0 }] }],
  ])("with %j reads %j", (spec, expected) => {
    expect(decodeService({ metadata, spec })).toMatchObject(expected);
  });

  it("is not being deleted, and has no labels of its own, when its metadata name none", () => {
    const [one, other] = [decodeService({ metadata }), decodeService({ metadata: { ...metadata, labels: { x: 5 } } })];
    expect(one?.deleting).toBe(false);
    // All that have none share one object: a cluster has many.
    expect(other?.labels).toBe(one?.labels);
    expect(one?.labels).toEqual({});
  });

  it("keeps the annotations of both prefixes, and says which pool its addresses came from", () => {
    const of = (annotations: object) => decodeService({ metadata: { ...metadata, annotations } })?.annotations ?? {};
    const both = { "metallb.universe.tf/address-pool": "old", "metallb.io/ip-allocated-from-pool": "p" };
    expect(of({ ...both, "example.org/metallb.universe.tf/": "x" })).toEqual(both);
    expect(allocatedFrom({ annotations: of(both) })).toBe("p");
    expect(allocatedFrom({ annotations: { "metallb.io/ip-allocated-from-pool": "" } })).toBeNull();
    expect(allocatedFrom({ annotations: {} })).toBeNull();
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

it("an EndpointSlice that names no Service belongs to none", () => {
  expect(decodeEndpointSlice({ metadata })?.serviceKey).toBeNull();
});

it("a Namespace has its labels", () => {
  expect(decodeNamespace({ metadata: { name: "n", labels: { team: "a" } } })).toMatchObject({
    key: "n",
    labels: { team: "a" },
  });
});

it("a Node tells its labels, and keeps nothing of what the kubelet tells besides", () => {
  const decoded = decodeNode({
    metadata: { name: "n", labels: { rack: "1" } },
    spec: { podCIDR: "10.0.0.0/24" },
    status: { addresses: [{ address: "192.0.2.1" }], images: [{ names: ["a"] }], nodeInfo: { bootID: "b" } },
  });
  expect(decoded).toEqual({
    drain: null,
    key: "n",
    namespace: "",
    name: "n",
    uid: "",
    resourceVersion: "",
    labels: { rack: "1" },
    networkUnavailable: false,
  });
});

it.each([
  [{ metadata: { annotations: { "metallb.io/drain": "30s" } } }, "30s"],
  [{ metadata: { annotations: { "metallb.io/drain": "" } } }, ""],
  [{ metadata: { annotations: { "metallb.io/drain": "false" } } }, null],
  [{ spec: { taints: [{ key: "metallb.io/drain", value: "5s", effect: "NoSchedule" }] } }, "5s"],
  [{ spec: { taints: [{ key: "metallb.io/drain", effect: "NoExecute" }] } }, ""],
  [{ metadata: { annotations: { "metallb.io/drain": "1s" } }, spec: { taints: [{ key: "metallb.io/drain" }] } }, "1s"],
  [
    { spec: { unschedulable: true, taints: [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }] } },
    null,
  ],
  [{ spec: { taints: "no list" } }, null],
])("of a Node %j the drain is %j", (object: { readonly metadata?: object; readonly spec?: object }, drain) => {
  expect(decodeNode({ ...object, metadata: { name: "n", ...object.metadata } })?.drain).toBe(drain);
});

it("a Node is without network by that condition alone, whatever the others say", () => {
  const of = (...types: readonly string[]) =>
    decodeNode({ metadata, status: { conditions: types.map((type) => ({ type, status: "True" })) } });
  expect(of("Ready", "NetworkUnavailable")?.networkUnavailable).toBe(true);
  expect(of("Ready")?.networkUnavailable).toBe(false);
});

it("a Node tells whether it has a network", () => {
  const of = (status: string) =>
    decodeNode({
      metadata: { name: "n" },
      status: { conditions: [{ type: "NetworkUnavailable", status }] },
    });
  expect(of("True")).toMatchObject({ key: "n", networkUnavailable: true });
  expect(of("False")?.networkUnavailable).toBe(false);
});

describe("a Secret", () => {
  it("has its password character by character, a byte order mark too", () => {
    const password = Buffer.from("\ufeffx").toString("base64");
    expect(decodeSecret({ metadata, type: "kubernetes.io/basic-auth", data: { password } })?.password).toBe("\ufeffx");
  });

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
    expect(of("kubernetes.io/basic-auth", "eA==eA==")).toBeNull();
    expect(decodeSecret({ metadata, type: "kubernetes.io/basic-auth", data: { password: 5 } })?.password).toBeNull();
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
