import { describe, expect, it } from "vitest";
import { KINDS, type Kind, type KindName } from "./kinds.ts";

const meta = (more: object = {}) => ({
  name: "x",
  namespace: "metallb-system",
  uid: "u",
  resourceVersion: "1",
  ...more,
});
const later = (object: { metadata: object }, more: object = {}) => ({
  ...object,
  ...more,
  metadata: { ...object.metadata, resourceVersion: "2", managedFields: [{ manager: "m" }], generation: 2 },
});

interface Sample {
  readonly object: { readonly metadata: object; readonly [field: string]: unknown };
  /** A change of fields that nobody reads. */
  readonly idle: object;
  /** A change that somebody reads. */
  readonly real: object;
}

const service = { type: "LoadBalancer", ports: [{ port: 80 }], clusterIPs: ["10.0.0.1"] };

const SAMPLES: Readonly<Record<KindName, Sample>> = {
  services: {
    object: { metadata: meta(), spec: service },
    idle: { spec: { ...service, sessionAffinity: "ClientIP", healthCheckNodePort: 1 } },
    real: { spec: { ...service, ports: [{ port: 81 }] } },
  },
  endpointslices: {
    object: {
      metadata: meta({ labels: { "kubernetes.io/service-name": "s" } }),
      endpoints: [{ nodeName: "n", addresses: ["10.1.0.1"] }],
    },
    idle: { endpoints: [{ nodeName: "n", addresses: ["10.1.0.2"], targetRef: { name: "p" } }] },
    real: { endpoints: [{ nodeName: "m", addresses: ["10.1.0.1"] }] },
  },
  nodes: {
    object: { metadata: meta(), status: { conditions: [{ type: "Ready", status: "True" }] } },
    idle: {
      status: { conditions: [{ type: "Ready", status: "False" }], images: [1], addresses: [{ address: "10.0.0.9" }] },
    },
    real: { status: { conditions: [{ type: "NetworkUnavailable", status: "True" }] } },
  },
  namespaces: {
    object: { metadata: meta(), spec: {} },
    idle: { status: { phase: "Terminating" } },
    real: { metadata: meta({ labels: { a: "b" } }) },
  },
  secrets: {
    object: { metadata: meta(), type: "kubernetes.io/basic-auth", data: { password: "cGFzcw==", username: "" } },
    idle: { data: { password: "cGFzcw==", username: "YQ==" } },
    real: { data: { password: "d29yZA==" } },
  },
  ipaddresspools: {
    object: { metadata: meta(), spec: { addresses: ["192.0.2.0/24"] } },
    idle: { status: { assignedIPv4: 7 } },
    real: { spec: { addresses: ["192.0.2.0/25"] } },
  },
  configmaps: {
    object: { metadata: meta(), data: { config: "peers: []" } },
    idle: { data: { config: "peers: []", other: "x" } },
    real: { data: { config: "peers: [{}]" } },
  },
  communities: {
    object: { metadata: meta(), spec: { communities: [{ name: "a", value: "1:2" }] } },
    idle: { status: {} },
    real: { spec: { communities: [{ name: "a", value: "1:3" }] } },
  },
  bgpadvertisements: { object: { metadata: meta(), spec: {} }, idle: { status: {} }, real: { spec: { peers: ["p"] } } },
  l2advertisements: {
    object: { metadata: meta(), spec: {} },
    idle: { status: {} },
    real: { spec: { interfaces: ["eth0"] } },
  },
  bgppeers: {
    object: { metadata: meta(), spec: { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" } },
    idle: { status: {} },
    real: { spec: { myASN: 1, peerASN: 3, peerAddress: "192.0.2.1" } },
  },
  bfdprofiles: { object: { metadata: meta(), spec: {} }, idle: { status: {} }, real: { spec: { echoMode: true } } },
};

describe("what makes a difference", () => {
  for (const [name, { object, idle, real }] of Object.entries(SAMPLES) as [KindName, Sample][]) {
    const { project, same } = KINDS[name] as Kind<object>;
    const of = (each: unknown): object => {
      const projected = project(each);
      if (projected === null) throw new Error("lost");
      return projected;
    };

    it(`${name}: a field that nobody reads makes none, one that somebody reads does`, () => {
      expect(same(of(object), of(object))).toBe(true);
      expect(same(of(object), of(later(object, idle)))).toBe(true);
      expect(same(of(object), of({ ...object, ...real }))).toBe(false);
      expect(same(of({ ...object, ...real }), of(object))).toBe(false);
    });
  }

  it("tells a broken resource from a good one, and from one broken otherwise", () => {
    const { project, same } = KINDS.ipaddresspools;
    const [good, bad, worse] = [["192.0.2.0/24"], 7, [7]].map((addresses) =>
      project({ metadata: meta(), spec: { addresses } }),
    );
    if (!good || !bad || !worse) throw new Error("lost");
    expect([same(good, bad), same(bad, good), same(bad, worse), same(bad, bad)]).toEqual([false, false, false, true]);
  });

  it("keeps only the name of a Service that is no LoadBalancer and was none", () => {
    const plain = {
      metadata: meta({ labels: { a: "b" } }),
      spec: { type: "ClusterIP", selector: { a: "b" }, ports: [{ port: 1 }] },
    };
    const { project, same } = KINDS.services;
    const [before, after] = [
      project(plain),
      project(later(plain, { spec: { type: "ClusterIP", ports: [{ port: 2 }] } })),
    ];
    if (!before || !after) throw new Error("lost");
    expect(same(before, after)).toBe(true);
    expect(before).toMatchObject({ type: "ClusterIP", labels: {}, ports: [], selector: {} });
    const marked = { ...plain, status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
    expect(project(marked)).toMatchObject({ ingress: [{ ip: "192.0.2.1" }], labels: { a: "b" } });
    const annotated = { ...plain, metadata: meta({ annotations: { "metallb.io/ip-allocated-from-pool": "p" } }) };
    expect(project(annotated)).toMatchObject({ annotations: { "metallb.io/ip-allocated-from-pool": "p" } });
  });

  it("does not ask for what is never a password", () => {
    expect(KINDS.secrets.fieldSelector).toBe("type!=helm.sh/release.v1");
  });
});
