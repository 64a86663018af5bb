import { describe, expect, it } from "vitest";
import { ClusterVerdicts, decodeTold, encodeTold, type Owner } from "#planner";
import type { NodeState } from "./reach.ts";
import { advertisement, config, l2Advertisement, pool, service, slice } from "./testing.ts";
import type { Carried } from "./told.ts";
import { aboutMany } from "./wording.ts";

const told = (peers: Readonly<Record<string, Carried>>, unfit: NonNullable<NodeState["told"]>["unfit"] = null) => ({
  peers: new Map(Object.entries(peers)),
  unfit,
});
const state = (name: string, says: NodeState["told"]): NodeState => ({ name, labels: { name }, told: says });

const one = service("web", { ips: ["192.0.2.5"] });

/** One pool with a BGPAdvertisement, and three nodes with a session to one router each. */
function cluster(bgp = [advertisement("a")], layer2: Parameters<typeof pool>[3] = []) {
  const verdicts = new ClusterVerdicts(null);
  verdicts.configured(config([pool("lab", ["192.0.2.0/24", "2001:db8::/64"], bgp, layer2)], []));
  for (const name of ["node-1", "node-2", "node-3"]) verdicts.setNode(name, state(name, told({ tor: "4" })));
  return verdicts;
}

const said = (
  verdicts: ClusterVerdicts,
  of = one,
  nodes: readonly string[] = ["node-1"],
  owners: readonly Owner[] = [],
) => verdicts.verdict({ service: of, slices: [slice(of.name, nodes)], owners });

describe("what the whole cluster does for a Service", () => {
  it("names the nodes and the peers", () => {
    expect(said(cluster())).toEqual({
      announced: true,
      message: "192.0.2.5 by BGP from node-1, node-2, node-3 to tor",
    });
  });

  it("says which sessions are down, beside those that are up and when none is", () => {
    const verdicts = cluster();
    verdicts.setNode("node-2", state("node-2", told({ tor: "" })));
    expect(said(verdicts)?.message).toBe("192.0.2.5 by BGP from node-1, node-3 to tor, down: node-2 to tor");
    for (const name of ["node-1", "node-3"]) verdicts.setNode(name, state(name, told({ tor: "" })));
    expect(said(verdicts)).toEqual({
      announced: false,
      reason: "noSession",
      message: "no BGP session is up: node-1 to tor, node-2 to tor, node-3 to tor",
    });
    verdicts.setNode("node-1", state("node-1", told({ tor: "46" })));
    expect(said(verdicts)?.announced).toBe(true);
  });

  it.each([
    ["no endpoint", { nodes: [] }, "noEndpoints"],
    ["policy Local, endpoints elsewhere", { local: true, nodes: ["node-9"] }, "noNodeWithEndpoints"],
    ["no node selected", { nodeOf: "node-9" }, "noNodeSelected"],
    ["no peer named", { peers: new Set(["other"]) }, "noPeer"],
    ["a family that no session carries", { ip: "2001:db8::5" }, "noPeerOfFamily"],
    ["an address of no pool", { ip: "198.51.100.1" }, "ipNotAllowed"],
  ] as const)("%s", (_, given, reason) => {
    const {
      nodes = ["node-1"],
      local = false,
      nodeOf = null,
      peers = null,
      ip = "192.0.2.5",
    } = given as {
      nodes?: readonly string[];
      local?: boolean;
      nodeOf?: string | null;
      peers?: ReadonlySet<string> | null;
      ip?: string;
    };
    const select = nodeOf === null ? () => true : (labels: Readonly<Record<string, string>>) => labels.name === nodeOf;
    const verdicts = cluster([advertisement("a", { peers, nodes: select })]);
    const of = service("web", { ips: [ip], externalTrafficPolicy: local ? "Local" : "Cluster" });
    expect(said(verdicts, of, nodes)).toMatchObject({ announced: false, reason });
  });

  it("policy Local names only the nodes with endpoints", () => {
    const of = service("web", { ips: ["192.0.2.5"], externalTrafficPolicy: "Local" });
    expect(said(cluster(), of, ["node-2", "node-9"])?.message).toBe("192.0.2.5 by BGP from node-2 to tor");
  });

  it("nodes that are excluded, and nodes without a speaker", () => {
    const verdicts = cluster();
    for (const name of ["node-1", "node-2"])
      verdicts.setNode(name, state(name, told({ tor: "4" }, "nodeLabeledExcludeBalancers")));
    verdicts.setNode("node-3", null);
    expect(said(verdicts)).toMatchObject({ reason: "nodesExcluded" });
    expect(said(verdicts)?.message).toContain("exclude-from-external-load-balancers");
    for (const name of ["node-1", "node-2"]) verdicts.setNode(name, state(name, null));
    expect(said(verdicts)).toMatchObject({ reason: "noSpeaker" });
  });

  it("layer 2: who says that it owns the address, or why nobody does", () => {
    const verdicts = cluster([], [l2Advertisement("l2")]);
    expect(said(verdicts)).toMatchObject({ reason: "noOwner" });
    expect(said(verdicts, one, [])).toMatchObject({ reason: "noEndpoints" });
    expect(said(verdicts, one, ["node-1"], [{ node: "node-2", interfaces: ["eth0"] }])).toEqual({
      announced: true,
      message: "192.0.2.5 by layer 2 from node-2 (eth0)",
    });
  });

  it("both protocols: announced by either, and both reasons where neither does", () => {
    const verdicts = cluster([advertisement("a", { nodes: () => false })], [l2Advertisement("l2")]);
    expect(said(verdicts)?.message).toBe(
      "BGP: no advertisement of pool lab selects both this Service and a node of the cluster; layer 2: no speaker has claimed it yet",
    );
    expect(said(verdicts, one, ["node-1"], [{ node: "node-2", interfaces: [] }])?.announced).toBe(true);
    expect(said(cluster([]))).toEqual({
      announced: false,
      reason: "noAdvertisement",
      message: "no BGPAdvertisement and no L2Advertisement speaks of pool lab",
    });
  });

  it("says nothing of Services that are not ours or have no address", () => {
    expect(said(cluster(), service("web", { ips: ["192.0.2.5"], loadBalancerClass: "other" }))).toBeNull();
    expect(said(cluster(), service("web", { type: "ClusterIP", ips: ["192.0.2.5"] }))).toBeNull();
    expect(said(cluster(), service("web"))).toBeNull();
  });

  it("of thousands of nodes it says about how many, so that one more or less is no change", () => {
    const verdicts = cluster();
    for (let i = 0; i < 4_500; i++) verdicts.setNode(`n${i}`, state(`n${i}`, told({ tor: "4" })));
    const before = said(verdicts)?.message;
    expect(before).toBe("192.0.2.5 by BGP from more than 4000 nodes to tor");
    verdicts.setNode("n7", null);
    expect(said(verdicts)?.message).toBe(before);
  });
});

it("aboutMany is true of every count", () => {
  for (let count = 9; count < 3_000; count++) {
    const about = Number(aboutMany(Array(count).fill("n")).replace(/more than | nodes/g, ""));
    expect(about).toBeLessThan(count);
    expect(about).toBeGreaterThan(count / 3);
  }
});

it("what a speaker tells is read as it was written, and nonsense is nothing", () => {
  const says = told({ b: "46", a: "" }, "nodeNetworkUnavailable");
  expect(decodeTold(encodeTold(says))).toEqual({ ...says, peers: new Map([...says.peers].toReversed()) });
  for (const text of [undefined, "", "[", "7", "null"]) expect(decodeTold(text)).toBeNull();
  expect(decodeTold('{"peers":{"a":"x","b":4},"unfit":"constructor"}')).toEqual(told({}));
});
