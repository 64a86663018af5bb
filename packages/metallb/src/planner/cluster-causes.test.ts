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
