import { describe, expect, it } from "vitest";
import { ClusterVerdicts, decodeTold, encodeTold } from "#planner";
import type { NodeState } from "./reach.ts";
import { advertisement, config, l2Advertisement, pool, service, slice } from "./testing.ts";

const NODES = ["node-1", "node-2", "node-3"];

const state = (name: string, told: NodeState["told"]): NodeState => ({ name, labels: { name }, told });
const speaking = (name: string) => state(name, { peers: new Map([["tor", "4"]]), unfit: null });
const excluded = (name: string) => state(name, { peers: new Map(), unfit: "nodeLabeledExcludeBalancers" });

function cluster(nodes: readonly NodeState[], layer2: Parameters<typeof pool>[3] = [], bgp = [advertisement("a")]) {
  const verdicts = new ClusterVerdicts(null);
  verdicts.configured(config([pool("lab", "192.0.2.0/24", layer2.length > 0 ? [] : bgp, layer2)], []));
  for (const node of nodes) verdicts.setNode(node.name, node);
  return verdicts;
}

const one = service("web", { ips: ["192.0.2.5"] });
const local = service("web", { ips: ["192.0.2.5"], externalTrafficPolicy: "Local" });

describe("what nobody announces in the whole cluster", () => {
  it("may be an address that is shared where an advertisement selects Services", () => {
    const verdicts = cluster(NODES.map(speaking), [l2Advertisement("l", { hasServiceSelectors: true })]);
    const ask = (annotations: Record<string, string>) =>
      verdicts.verdict({
        service: service("web", { ips: ["192.0.2.5"], annotations }),
        slices: [slice("web", ["node-1"])],
        owners: [],
      });
    expect(ask({ "metallb.io/allow-shared-ip": "k" })).toMatchObject({ reason: "sharedIPWithServiceSelector" });
    expect(ask({})).toMatchObject({ reason: "noOwner" });
    const plain = cluster(NODES.map(speaking), [l2Advertisement("l")]);
    expect(
      plain.verdict({
        service: service("web", { ips: ["192.0.2.5"], annotations: { "metallb.io/allow-shared-ip": "k" } }),
        slices: [slice("web", ["node-1"])],
        owners: [],
      }),
    ).toMatchObject({ reason: "noOwner" });
  });

  it("says of excluded nodes why, and whether there are more", () => {
    const message = (names: readonly string[]) =>
      cluster(names.map(excluded)).verdict({ service: one, slices: [slice("web", ["node-1"])], owners: [] })?.message;
    expect(message(["node-1"])).not.toContain("and so on");
    expect(message(["node-1", "node-2"])).toContain(", and so on");
  });

  it("has endpoints that serve nowhere, or on nodes that nobody knows", () => {
    const verdicts = cluster(NODES.map(speaking));
    const ask = (of: typeof one, ...slices: ReturnType<typeof slice>[]) =>
      verdicts.verdict({ service: of, slices, owners: [] });
    expect(ask(one, slice("web", ["node-1"], { serving: false }))).toMatchObject({ reason: "noEndpoints" });
    expect(ask(local, slice("web", ["node-1"], { serving: false }))).toMatchObject({ announced: false });
    expect(ask(local, slice("web", [null]))).toMatchObject({ reason: "noNodeWithEndpoints" });
    expect(ask(one, slice("web", [null]))).toMatchObject({ announced: true });
  });
});

describe("what is announced in the whole cluster", () => {
  it("follows each Service's own endpoints, one after the other", () => {
    const verdicts = cluster(NODES.map(speaking));
    const from = (node: string) =>
      verdicts.verdict({ service: local, slices: [slice("web", [node])], owners: [] })?.message;
    expect([from("node-1"), from("node-2"), from("node-1")]).toEqual([
      "192.0.2.5 by BGP from node-1 to tor",
      "192.0.2.5 by BGP from node-2 to tor",
      "192.0.2.5 by BGP from node-1 to tor",
    ]);
  });

  it("is told anew after another configuration and after a node's own word", () => {
    const verdicts = cluster([speaking("node-1")]);
    const ask = () => verdicts.verdict({ service: one, slices: [slice("web", ["node-1"])], owners: [] });
    expect(ask()).toMatchObject({ announced: true });
    verdicts.configured(config([pool("lab", "192.0.2.0/24", [advertisement("a", { nodes: () => false })])], []));
    expect(ask()).toMatchObject({ reason: "noNodeSelected" });
    verdicts.configured(config([pool("lab", "192.0.2.0/24", [advertisement("a")])], []));
    verdicts.setNode("node-1", excluded("node-1"));
    expect(ask()).toMatchObject({ reason: "nodesExcluded" });
  });
});

describe("each Service has its own word", () => {
  const told = (peers: Readonly<Record<string, "" | "4" | "6" | "46">>) => ({
    peers: new Map(Object.entries(peers)),
    unfit: null,
  });
  /** What is said of Services, one after the other, by one observer. */
  function observer(pools: readonly ReturnType<typeof pool>[], nodes: Readonly<Record<string, NodeState["told"]>>) {
    const verdicts = new ClusterVerdicts(null);
    verdicts.configured(config(pools, []));
    for (const [name, says] of Object.entries(nodes)) verdicts.setNode(name, state(name, says));
    const say = (
      fields: Parameters<typeof service>[1],
      at: readonly (string | null)[] = ["node-1"],
      owners: Parameters<ClusterVerdicts["verdict"]>[0]["owners"] = [],
    ) => verdicts.verdict({ service: service("web", fields), slices: [slice("web", at)], owners })?.message;
    return { verdicts, say };
  }
  const ADDRESSES = ["192.0.2.0/24", "2001:db8::/64"];
  const DUAL = { ips: ["192.0.2.5", "2001:db8::5"] };

  it("by the advertisements that select it", () => {
    const selecting = (x: string, peer: string) =>
      advertisement(x, { services: (labels) => labels.x === x, peers: new Set([peer]) });
    const { say } = observer([pool("lab", ADDRESSES, [selecting("1", "p"), selecting("2", "q")])], {
      "node-1": told({ p: "4", q: "4" }),
    });
    const of = (x: string) => say({ ips: ["192.0.2.5"], labels: { x } });
    for (let round = 0; round < 2; round++)
      expect([of("1"), of("2"), of("3")]).toEqual([
        "192.0.2.5 by BGP from node-1 to p",
        "192.0.2.5 by BGP from node-1 to q",
        "no advertisement of pool lab selects both this Service and a node of the cluster",
      ]);
  });

  it("by its pool, its families and whether it has endpoints", () => {
    const { say } = observer(
      [
        pool("one", ADDRESSES, [advertisement("a", { peers: new Set(["p"]) })]),
        pool("two", "10.0.0.0/24", [advertisement("b")]),
      ],
      { "node-1": told({ p: "4", q: "46" }) },
    );
    for (let round = 0; round < 2; round++)
      expect([
        say({ ips: ["192.0.2.5"] }),
        say({ ips: ["10.0.0.1"] }),
        say({ ips: ["2001:db8::5"] }),
        say(DUAL),
        say({ ips: ["192.0.2.5"] }, []),
      ]).toEqual([
        "192.0.2.5 by BGP from node-1 to p",
        "10.0.0.1 by BGP from node-1 to p, q",
        "no BGPPeer that the advertisement names carries IPv6 on node node-1",
        "192.0.2.5, 2001:db8::5 by BGP from node-1 to p, no session carries IPv6",
        "it has no endpoint that can serve",
      ]);
  });

  it("by the families that sessions carry", () => {
    const pools = [pool("lab", ADDRESSES, [advertisement("a")])];
    const by = (peers: Parameters<typeof told>[0]) => observer(pools, { "node-1": told(peers) }).say(DUAL);
    expect(by({ p: "6" })).toBe("192.0.2.5, 2001:db8::5 by BGP from node-1 to p, no session carries IPv4");
    expect(by({ p: "4", q: "6" })).toBe("192.0.2.5, 2001:db8::5 by BGP from node-1 to p, q");
    expect(by({ p: "46", q: "" })).toBe("192.0.2.5, 2001:db8::5 by BGP from node-1 to p");
    expect(observer(pools, { "node-1": told({ p: "6" }) }).say({ ips: ["192.0.2.5"] })).toBe(
      "no BGPPeer that the advertisement names carries IPv4 on node node-1",
    );
  });

  it("names a session that is down once, though two advertisements speak of it", () => {
    const { say } = observer([pool("lab", ADDRESSES, [advertisement("a"), advertisement("b")])], {
      "node-1": told({ p: "" }),
      "node-2": told({ p: "4" }),
    });
    expect(say({ ips: ["192.0.2.5"] })).toBe("192.0.2.5 by BGP from node-2 to p, down: node-1 to p");
  });

  it("names only nodes that may announce it", () => {
    const { say, verdicts } = observer([pool("lab", ADDRESSES, [advertisement("a")])], {
      "node-1": told({ p: "4" }),
      "node-2": null,
      "node-3": { ...told({ p: "4" }), unfit: "nodeNetworkUnavailable" },
    });
    expect(say({ ips: ["192.0.2.5"] })).toBe("192.0.2.5 by BGP from node-1 to p");
    const near = (...nodes: readonly string[]) => say({ ips: ["192.0.2.5"], externalTrafficPolicy: "Local" }, nodes);
    expect(near("node-1", "node-2", "node-3")).toBe("192.0.2.5 by BGP from node-1 to p");
    expect(near("node-2", "node-3")).toBe("no speaker answers on the nodes that may announce it: node-2");
    expect(near("node-3")).toBe(
      "its policy is Local and none of the nodes that may announce it (node-1, node-2) has an endpoint that can serve",
    );
    expect(near()).toBe("it has no endpoint that can serve");
    verdicts.setNode("node-1", null);
    expect(say({ ips: ["192.0.2.5"] })).toBe("no speaker answers on the nodes that may announce it: node-2");
    verdicts.setNode("node-2", null);
    expect(say({ ips: ["192.0.2.5"] })).toBe(
      "every node that an advertisement of pool lab selects is excluded: node node-3 has no network (condition NetworkUnavailable)",
    );
  });

  it("at layer 2 names owners in order with their interfaces, of those advertisements that select it", () => {
    const l2 = [
      l2Advertisement("a", { services: ({ x }) => x === "1" }),
      l2Advertisement("b", { services: ({ x }) => x === "2", hasServiceSelectors: true }),
    ];
    const { say } = observer([pool("lab", ADDRESSES, [], l2)], { "node-1": told({}) });
    const owners = [
      { node: "node-2", interfaces: ["eth0", "eth1"] },
      { node: "node-1", interfaces: [] },
    ];
    expect(say({ ips: ["192.0.2.5"] }, ["node-1"], owners)).toBe(
      "192.0.2.5 by layer 2 from node-1, node-2 (eth0, eth1)",
    );
    const sharing = { ips: ["192.0.2.5"], annotations: { "metallb.io/allow-shared-ip": "k" } };
    expect(say({ ...sharing, labels: { x: "1" } })).toBe("no speaker has claimed it yet");
    expect(say({ ...sharing, labels: { x: "2" } })).toContain("exclude");
    expect(say({ ...sharing, labels: { x: "3" } })).toContain("no advertisement of pool lab selects");
  });

  it("says a reason once that both protocols have", () => {
    const { say } = observer([pool("lab", ADDRESSES, [advertisement("a")], [l2Advertisement("l")])], {
      "node-1": told({ p: "4" }),
    });
    expect(say({ ips: ["192.0.2.5"] }, [])).toBe("it has no endpoint that can serve");
    expect(say({ ips: ["192.0.2.5"] }, ["node-1"], [{ node: "node-1", interfaces: [] }])).toBe(
      "192.0.2.5 by BGP from node-1 to p; by layer 2 from node-1",
    );
  });
});

it("an observer asks an advertisement of a node once, whatever else is configured or happens", () => {
  let asked = 0;
  const counting = advertisement("a", {
    nodes: () => {
      asked += 1;
      return true;
    },
  });
  const verdicts = new ClusterVerdicts(null);
  const ask = () => verdicts.verdict({ service: one, slices: [slice("web", ["node-1"])], owners: [] });
  verdicts.configured(config([pool("lab", "192.0.2.0/24", [counting])], []));
  for (const name of NODES) verdicts.setNode(name, speaking(name));
  for (let i = 0; i < 3; i++) ask();
  verdicts.configured(config([pool("lab", "192.0.2.0/24", [counting, advertisement("b")])], []));
  ask();
  expect(asked).toBe(NODES.length);
  verdicts.setNode("node-1", excluded("node-1"));
  expect([ask()?.message, asked]).toEqual(["192.0.2.5 by BGP from node-2, node-3 to tor", NODES.length + 1]);
});

it("an observer looks at each node once for all Services of one kind, and only at the nodes of endpoints by policy Local", () => {
  let looks = 0;
  const counted = (name: string): NodeState => ({
    name,
    labels: {},
    get told() {
      looks += 1;
      return { peers: new Map([["tor", "4" as const]]), unfit: null };
    },
  });
  const verdicts = cluster(Array.from({ length: 100 }, (_, i) => counted(`node-${i}`)));
  const ask = (of: typeof one) => {
    const before = looks;
    verdicts.verdict({ service: of, slices: [slice("web", ["node-1", "node-2"])], owners: [] });
    return looks - before;
  };
  const first = ask(one);
  expect(first).toBeGreaterThanOrEqual(100);
  expect([ask(one), ask(one)]).toEqual([0, 0]);
  expect(ask(local)).toBeLessThan(20);
});

describe("what a speaker tells of itself", () => {
  it("is one text for equal facts, and no more than fits", () => {
    const told = (...names: readonly string[]) =>
      encodeTold({ peers: new Map(names.map((name) => [name, "4" as const])), unfit: null });
    expect(told("c", "a", "b")).toBe(told("a", "b", "c"));
    expect(told("c", "a", "b")).toBe('{"peers":{"a":"4","b":"4","c":"4"}}');
    const many = Array.from({ length: 600 }, (_, i) => `p${i}`);
    expect(decodeTold(told(...many))?.peers.size).toBe(500);
  });

  it.each([
    ['{"peers":"x"}', 0],
    ['{"peers":null}', 0],
    ['{"peers":{"a":"4","b":"5","c":7}}', 1],
    ['{"unfit":"toString"}', 0],
  ])("%s is read as far as it can be", (text, peers) => {
    const read = decodeTold(text);
    expect([read?.peers.size, read?.unfit]).toEqual([peers, null]);
  });

  it.each([undefined, "x", "5", "null"])("%s says nothing", (text) => expect(decodeTold(text)).toBeNull());
});
