import { describe, expect, it } from "vitest";
import { troublesOf } from "#view";
import { clusterView } from "./cluster.ts";
import { explain } from "./explain.ts";
import type { ClusterFacts, FactKind } from "./facts.ts";

const meta = (name: string, more: object = {}) => ({ name, namespace: "metallb-system", uid: name, ...more });

const pod = (
  component: string,
  node: string,
  more: { readonly ready?: boolean; readonly args?: readonly string[] } = {},
) => ({
  metadata: meta(component === "controller" ? "controller" : `speaker-${node}`, {
    labels: { app: "metallb", component },
  }),
  spec: { nodeName: node, containers: [{ name: component, image: "metallb:1", args: more.args ?? [] }] },
  status: {
    podIP: "192.0.2.9",
    conditions: [{ type: "Ready", status: more.ready === false ? "False" : "True" }],
    containerStatuses: [
      {
        name: component,
        restartCount: 0,
        state: more.ready === false ? { waiting: { reason: "CrashLoopBackOff", message: "back-off" } } : {},
      },
    ],
  },
});

const node = (name: string, labels: object = {}) => ({
  metadata: { name, uid: name, labels: { "kubernetes.io/hostname": name, ...labels } },
  status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] },
});

const service = (spec: object = {}, status: object = { loadBalancer: { ingress: [{ ip: "198.51.100.1" }] } }) => ({
  metadata: { name: "web", namespace: "shop", uid: "w", labels: { app: "web" } },
  spec: {
    type: "LoadBalancer",
    clusterIPs: ["10.0.0.1"],
    ipFamilies: ["IPv4"],
    selector: { app: "web" },
    ports: [{ port: 80 }],
    ...spec,
  },
  status,
});

const slice = (...nodes: readonly string[]) => ({
  metadata: { name: "web-1", namespace: "shop", uid: "s", labels: { "kubernetes.io/service-name": "web" } },
  endpoints: nodes.map((nodeName) => ({ addresses: ["10.1.1.1"], nodeName, conditions: { ready: true } })),
});

const peer = (name: string, spec: object = {}) => ({
  metadata: meta(name),
  spec: { myASN: 64500, peerASN: 64512, peerAddress: "192.0.2.254", ...spec },
});

const announcing = (peers: readonly string[], state = "Established") => ({
  sessions: peers.map((name) => ({ peer: name, state, reason: state === "Established" ? "" : "connection refused" })),
  services: {
    "shop/web": { bgp: { announced: true, peers }, layer2: { announced: false, reason: "noAdvertisement" } },
  },
});

/** One node, one pool, one peer, and all is well. */
const WELL: ClusterFacts = {
  server: "https://api",
  namespace: "metallb-system",
  objects: {
    services: [service()],
    nodes: [node("one")],
    namespaces: [{ metadata: { name: "shop" } }],
    endpointslices: [slice("one")],
    pods: [pod("controller", "one"), pod("speaker", "one")],
    ipaddresspools: [{ metadata: meta("pool"), spec: { addresses: ["198.51.100.0/24"] } }],
    bgpadvertisements: [{ metadata: meta("adv"), spec: { ipAddressPools: ["pool"] } }],
    l2advertisements: [],
    bgppeers: [peer("router")],
    bfdprofiles: [],
    communities: [],
  },
  states: new Map<string, unknown>([
    ["controller", { leading: true, pools: [], allocations: [], waiting: [], problems: [] }],
    ["speaker-one", announcing(["router"])],
  ]),
  kubeProxy: null,
  problems: [],
};

const withObjects = (
  objects: Partial<Record<FactKind, readonly unknown[] | null>>,
  more: Partial<ClusterFacts> = {},
) => ({
  ...WELL,
  ...more,
  objects: { ...WELL.objects, ...objects },
});

const refusals = (facts: ClusterFacts) =>
  explain(facts, "shop/web")
    ?.steps.filter(({ verdict }) => verdict === "no")
    .map(({ object, field, text }) => `${object} ${field}: ${text}`) ?? [];

describe("explain", () => {
  it("says yes from pool to router, in order", () => {
    const { steps, summary } = explain(WELL, "shop/web") ?? { steps: [], summary: "" };
    expect(summary).toBe("shop/web has 198.51.100.1; every rule said yes");
    expect(steps.map(({ rule }) => rule)).toEqual([
      "type",
      "load balancer class",
      "controller",
      "cluster IP",
      "allocation",
      "pool",
      "traffic policy",
      "endpoints",
      "advertisement",
      "node one",
      "node one",
      "kube-proxy",
    ]);
    expect(steps.filter(({ verdict }) => verdict === "unknown")).toEqual([]);
  });

  it("knows no Service that is not there", () => {
    expect(explain(WELL, "shop/other")).toBeNull();
  });

  it.each<readonly [string, ClusterFacts, RegExp]>([
    [
      "another type",
      withObjects({ services: [service({ type: "ClusterIP" })] }),
      /^Service shop\/web spec.type: its type is ClusterIP/,
    ],
    [
      "another class",
      withObjects({ services: [service({ loadBalancerClass: "cloud" })] }),
      /^Service shop\/web spec.loadBalancerClass: its spec.loadBalancerClass is cloud/,
    ],
    [
      "no class where one is served",
      withObjects({ pods: [pod("controller", "one", { args: ["--lb-class=ours"] }), pod("speaker", "one")] }),
      /MetalLB serves class ours alone/,
    ],
    [
      "a controller that crashes",
      withObjects({ pods: [pod("controller", "one", { ready: false }), pod("speaker", "one")] }),
      /^Pod controller .*CrashLoopBackOff/,
    ],
    ["no pool", withObjects({ ipaddresspools: [] }), /there is no valid IPAddressPool/],
    ["no endpoint", withObjects({ endpointslices: [] }), /^EndpointSlices of shop\/web .*no ready Pod matches app=web/],
    [
      "no advertisement",
      withObjects({ bgpadvertisements: [] }),
      /^IPAddressPool pool .*no BGPAdvertisement or L2Advertisement/,
    ],
    [
      "an advertisement of other nodes",
      withObjects({
        bgpadvertisements: [
          { metadata: meta("adv"), spec: { nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": "two" } }] } },
        ],
      }),
      /^BGPAdvertisement adv spec.nodeSelectors: no advertisement includes the node/,
    ],
    [
      "an advertisement of other peers",
      withObjects({ bgpadvertisements: [{ metadata: meta("adv"), spec: { peers: ["elsewhere"] } }] }),
      /^BGPAdvertisement adv spec.peers: none of the peers/,
    ],
    ["no peer", withObjects({ bgppeers: [] }), /^BGPPeers spec.nodeSelectors: no BGPPeer includes the node/],
    [
      "an excluded node",
      withObjects({ nodes: [node("one", { "node.kubernetes.io/exclude-from-external-load-balancers": "" })] }),
      /^Node one metadata.labels/,
    ],
    [
      "policy Local without an own endpoint",
      withObjects({ services: [service({ externalTrafficPolicy: "Local" })], endpointslices: [slice("two")] }),
      /policy Local, and it has no endpoint of its own/,
    ],
    [
      "a session that is down",
      { ...WELL, states: new Map([["speaker-one", announcing(["router"], "Connect")]]) },
      /^BGPPeer router session: the session is not established \(Connect: connection refused\)/,
    ],
    [
      "layer 2 with IPVS and without strictARP",
      withObjects(
        {
          pods: [pod("controller", "one"), pod("speaker", "one"), proxyPod()],
          l2advertisements: [{ metadata: meta("lan"), spec: {} }],
        },
        { kubeProxy: "mode: ipvs\nipvs:\n  strictARP: false\n" },
      ),
      /^ConfigMap kube-system\/kube-proxy ipvs.strictARP/,
    ],
  ])("names object and field: %s", (_, facts, words) => {
    expect(refusals(facts)[0]).toMatch(words);
  });

  it("gives the controller's refusal with each pool", () => {
    const states = new Map<string, unknown>(WELL.states).set("controller", {
      waiting: [
        {
          service: "shop/web",
          message: "no available IPs",
          pools: [{ pool: "pool", message: "all of its addresses are in use" }],
        },
      ],
    });
    const facts = withObjects({ services: [service({}, {})] }, { states });
    expect(refusals(facts)).toEqual([
      "Service shop/web status.loadBalancer: no available IPs",
      "IPAddressPool pool : all of its addresses are in use",
    ]);
  });

  const untold = new Map<string, unknown>([["speaker-one", announcing(["router"])]]);

  it("foretells a refusal that nobody has told yet: each pool that is tried, and why it says no", () => {
    const closed = { autoAssign: false, addresses: ["203.0.113.0/24"] };
    const facts = withObjects(
      {
        services: [service({}, {}), { ...service(), metadata: { name: "other", namespace: "shop", uid: "o" } }],
        ipaddresspools: [
          { metadata: meta("one"), spec: { addresses: ["198.51.100.1/32"] } },
          { metadata: meta("two"), spec: closed },
        ],
      },
      { states: untold },
    );
    expect(refusals(facts)).toEqual([
      "Service shop/web status.conditions[metallb.io/Allocated]: it has no address yet, and the controller gives no reason",
      "Service shop/web : no available IPs",
      "IPAddressPool one : all of its addresses are in use",
      "IPAddressPool two : autoAssign is false: only a request by name or address uses this pool",
    ]);
  });

  it("foretells the address that a controller which has still to look will give", () => {
    const facts = withObjects({ services: [service({}, {})] }, { states: untold });
    expect(explain(facts, "shop/web")?.steps).toContainEqual({
      verdict: "note",
      rule: "prediction",
      object: "IPAddressPool pool",
      field: "",
      text: "198.51.100.0 of pool pool is free for it: the controller has still to give it",
    });
  });

  it("tells that a Service without an address would have no endpoint either", () => {
    expect(refusals(withObjects({ services: [service({}, {})], endpointslices: [] })).at(-1)).toMatch(
      /no ready Pod matches app=web/,
    );
  });

  it("minds strictARP where layer 2 announces, and not where BGP alone does", () => {
    const advertised = { l2advertisements: [{ metadata: meta("lan"), spec: {} }] };
    const pods = [pod("controller", "one"), pod("speaker", "one"), proxyPod()];
    const ipvs = { kubeProxy: "mode: ipvs\nipvs:\n  strictARP: false\n" };
    expect(refusals(withObjects({ pods }, ipvs))).toEqual([]);
    expect(refusals(withObjects({ pods, ...advertised }, ipvs))).toHaveLength(1);
  });

  it("names interfaces that drop what comes by another way", () => {
    const states = new Map(WELL.states).set("speaker-one", {
      ...announcing(["router"]),
      strictReversePaths: ["eth0", "eth1"],
    });
    const step = explain({ ...WELL, states }, "shop/web")?.steps.find(({ field }) => field.includes("rp_filter"));
    expect(step).toMatchObject({ verdict: "note", object: "Node one" });
    expect(step?.text).toContain("strict on eth0, eth1");
  });

  it("takes as no fault what somebody wanted, where another node announces", () => {
    const two = { ...pod("speaker", "two") };
    const layer2 = (announced: boolean, node: string) => ({
      services: {
        "shop/web": announced
          ? { layer2: { announced: true, ips: [] } }
          : { layer2: { announced: false, reason: "ownedByOther", message: `node ${node} announces it` } },
      },
    });
    const facts = withObjects(
      { nodes: [node("one"), node("two")], pods: [pod("controller", "one"), pod("speaker", "one"), two] },
      {
        states: new Map<string, unknown>([
          ["speaker-one", layer2(true, "")],
          ["speaker-two", layer2(false, "one")],
        ]),
      },
    );
    expect(refusals(facts)).toEqual([]);
    const notes = explain(facts, "shop/web")?.steps.filter(
      ({ verdict, rule }) => verdict === "note" && rule === "node two",
    );
    expect(notes?.map(({ text }) => text)).toEqual(["node one announces it"]);
    const nobody = new Map<string, unknown>([["speaker-two", layer2(false, "one")]]);
    expect(refusals({ ...facts, states: nobody })[0]).toContain("node one announces it");
  });

  it("says what it could not read, and takes nothing for granted", () => {
    const facts = withObjects({ endpointslices: null, nodes: null, pods: null }, { states: new Map() });
    const unknown = explain(facts, "shop/web")?.steps.filter(({ verdict }) => verdict === "unknown") ?? [];
    expect(unknown.map(({ rule }) => rule)).toEqual(["controller", "endpoints"]);
  });

  it("never throws on objects that are anything", () => {
    const junk = [null, 1, "x", [], {}, { metadata: null }, { metadata: { name: 3 } }, { spec: [], status: 7 }];
    const objects = Object.fromEntries(Object.keys(WELL.objects).map((kind) => [kind, [...junk, service()]]));
    expect(() => explain({ ...WELL, objects }, "shop/web")).not.toThrow();
    expect(() => clusterView({ ...WELL, objects })).not.toThrow();
  });
});

function proxyPod() {
  return {
    metadata: { name: "kube-proxy-x", namespace: "kube-system", labels: { "k8s-app": "kube-proxy" } },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  };
}

describe("the view of a cluster", () => {
  it("is well when all is well", () => {
    expect(troublesOf(clusterView(WELL))).toEqual([]);
  });

  it("hears a speaker that tells no state by the status objects that it writes", () => {
    const status = { node: "one", serviceName: "web", serviceNamespace: "shop", peers: ["router"] };
    const facts = withObjects({ servicebgpstatuses: [{ metadata: meta("x"), status }] }, { states: new Map() });
    const view = clusterView(facts);
    expect(view.services[0]?.announcedFrom).toEqual(["one"]);
    expect(view.problems[0]).toMatch(/^no state of controller, speaker-one/);
  });

  it("says itself what is wrong with the objects where no process does", () => {
    const facts = withObjects(
      { ipaddresspools: [{ metadata: meta("bad"), spec: { addresses: ["nonsense"] } }] },
      { states: new Map() },
    );
    expect(clusterView(facts).configuration[0]).toMatchObject({ object: "IPAddressPool bad" });
  });
});

describe("a cluster that runs upstream", () => {
  const upstream = (component: "controller" | "speaker", node: string) => {
    const own = pod(component, node);
    const containers = [{ name: component, image: `quay.io/metallb/${component}:v0.16.1`, args: [] }];
    return { ...own, spec: { ...own.spec, containers } };
  };
  const facts = (status: readonly unknown[]) =>
    withObjects(
      { pods: [upstream("controller", "one"), upstream("speaker", "one")], servicebgpstatuses: status },
      { states: new Map() },
    );

  it("is in order although its processes tell nothing, and says so", () => {
    const view = clusterView(facts([]));
    expect(troublesOf(view)).toEqual([]);
    expect(view.notes).toEqual([expect.stringContaining("quay.io/metallb/controller:v0.16.1")]);
  });

  it("has its announcements in status objects", () => {
    const status = { node: "one", serviceName: "web", serviceNamespace: "shop", peers: ["router"] };
    const view = clusterView(facts([{ metadata: meta("s"), status }]));
    expect(view.services[0]?.announcedFrom).toEqual(["one"]);
    expect(clusterView(WELL).notes).toEqual([]);
  });

  describe("is explained by the status objects that its speakers write", () => {
    const status = (name: string, node: string, more: object, service = "web") => ({
      metadata: meta(name),
      status: { node, serviceName: service, serviceNamespace: "shop", ...more },
    });
    const both = {
      nodes: [node("one"), node("two")],
      endpointslices: [slice("one", "two")],
      pods: [upstream("controller", "one"), upstream("speaker", "one"), upstream("speaker", "two")],
    };
    const told = (objects: Readonly<Partial<Record<FactKind, readonly unknown[]>>>) => {
      const explanation = explain(withObjects({ ...both, ...objects }, { states: new Map() }), "shop/web");
      const steps = (explanation?.steps ?? []).filter(({ rule }) => /^node (one|two)$/.test(rule));
      return { steps: steps.map(({ verdict, object, text }) => `${verdict}, ${object}: ${text}`), explanation };
    };

    it("to which peers, though not whether the sessions are up", () => {
      const servicebgpstatuses = [
        status("bgp-x", "one", { peers: ["backup", "router"] }),
        status("bgp-y", "two", { peers: ["router"] }),
        status("bgp-z", "two", { peers: ["router"] }, "other"),
      ];
      expect(told({ servicebgpstatuses }).steps).toEqual([
        "yes, ServiceBGPStatus bgp-x: it announces by BGP to backup, router; whether the sessions are up, no object tells",
        "yes, ServiceBGPStatus bgp-y: it announces by BGP to router; whether the sessions are up, no object tells",
      ]);
    });

    it("which node answers by layer 2, on what, and that the others therefore do not", () => {
      const l2 = { l2advertisements: [{ metadata: meta("l2"), spec: {} }], bgpadvertisements: [] };
      const named = told({ ...l2, servicel2statuses: [status("l2-x", "two", { interfaces: [{ name: "eth0" }] })] });
      expect(named.steps).toEqual([
        "note, Pod speaker-one: two answers by layer 2, and one node does",
        "yes, ServiceL2Status l2-x: it answers by layer 2 on eth0",
      ]);
      expect(named.explanation?.summary).toContain("every rule said yes");
      const all = told({ ...l2, servicel2statuses: [status("l2-x", "one", {})] });
      expect(all.steps[0]).toContain("it answers by layer 2 on all interfaces");
    });

    it("that a speaker writes none where others do", () => {
      const { steps, explanation } = told({ servicebgpstatuses: [status("bgp-x", "one", { peers: ["router"] })] });
      expect(steps[1]).toBe(
        "no, Pod speaker-two: it wrote no ServiceBGPStatus of the Service, as speakers do that announce one",
      );
      expect(explanation?.summary).toContain("it wrote no ServiceBGPStatus");
    });

    it("and by nothing where nobody writes any, as before MetalLB 0.15", () => {
      const unknown = "unknown, Pod speaker-one: one of MetalLB's own speakers does not tell what it decided";
      expect(told({}).steps[0]).toBe(unknown);
    });
  });

  it("has trouble all the same where a Pod is not ready", () => {
    const broken = { ...upstream("speaker", "two"), status: {} };
    const view = clusterView(withObjects({ pods: [upstream("controller", "one"), broken] }, { states: new Map() }));
    expect(troublesOf(view)[0]).toMatch(/the speaker of two does not run/);
  });
});
