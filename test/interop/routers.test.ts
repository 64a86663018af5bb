import type { RouterKind, RouterRoute } from "@metallb-ts/lab/routers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { whoAnswers } from "../support/client.ts";
import { ROUTER_ASN, SPEAKER_ASN, sixOf, startTestCluster, type TestCluster } from "../support/cluster.ts";
import { metallbObject, podObject, serviceObject, sliceObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, type Program } from "../support/programs.ts";
import { forwardLocally } from "./forward-locally.ts";

const V4 = "198.51.100.7";
const V6 = "2001:db8:51::7";
/** FRR takes none with blanks. */
const PASSWORD = "a-long-secret";

/** Routers that put ECMP routes into the kernel. */
const KINDS = ["bird", "frr"] as const satisfies readonly RouterKind[];

const pool = metallbObject("IPAddressPool", "pool", { addresses: ["198.51.100.0/24", "2001:db8:51::/120"] });
const service = (name: string, v4: string, v6: string, spec: object = {}) =>
  serviceObject(name, { ipFamilyPolicy: "RequireDualStack", ...spec }, { "metallb.io/loadBalancerIPs": `${v4},${v6}` });

const sorted = (route: RouterRoute | undefined) =>
  (route?.paths ?? []).toSorted((a, b) => a.from.localeCompare(b.from));

/** The route once it has a way per node. */
const routeOf = (cluster: TestCluster, prefix: string, count = cluster.network.nodes.length) =>
  eventually(
    async () => (await cluster.router.routes()).find((route) => route.prefix === prefix),
    (route) => route?.paths.length === count,
    { what: `the router has not ${count} ways to ${prefix}` },
  );

for (const kind of KINDS) {
  describeWith(["root", "namespaces", kind, "kubectl"], `external sessions with ${kind}`, () => {
    let cluster: TestCluster;
    const speakers = new Map<string, Program>();

    beforeAll(async () => {
      cluster = await startTestCluster({
        nodes: 2,
        kubernetes: "embedded",
        router: kind,
        describe: (description) => ({
          ...description,
          neighbours: description.neighbours.map((neighbour) => ({ ...neighbour, password: PASSWORD })),
        }),
      });
      await forwardLocally(cluster, V4, V6);
      await cluster.startController();
      for (const { name } of cluster.network.nodes) speakers.set(name, await cluster.startSpeaker(name));
      const { router, nodes } = cluster.network;
      const peer = {
        myASN: SPEAKER_ASN,
        peerASN: ROUTER_ASN,
        holdTime: "3s",
        keepaliveTime: "1s",
        password: PASSWORD,
      };
      await cluster.apply(
        pool,
        metallbObject("BGPPeer", "router", { ...peer, peerAddress: router.address }),
        metallbObject("BGPPeer", "router-six", { ...peer, peerAddress: router.address6 }),
        metallbObject("BGPAdvertisement", "all", {
          communities: ["64500:100", "large:64500:1:2"],
          med: 50,
          asPathPrepend: 2,
          serviceAttributes: { communities: ["64500:7"], med: { maximum: 60 } },
          aggregationLength: 32,
          aggregationLengthV6: 128,
        }),
        ...nodes.map((node) => podObject("web", node)),
        sliceObject("web", "IPv4", nodes),
        sliceObject("web", "IPv6", nodes),
        service("web", V4, V6, { externalTrafficPolicy: "Local" }),
      );
    });
    afterAll(() => cluster?.close());

    it("brings up a session per node and family, with a TCP MD5 password", async () => {
      const sessions = await eventually(
        () => cluster.router.sessions(),
        (all) => all.length === 4 && all.every((session) => session.established),
        { what: "sessions are not established" },
      );
      expect(sessions.map((session) => session.name).toSorted()).toEqual(
        ["node-1", "node-2"].flatMap((name) => [name, sixOf(name)]),
      );
    });

    it("announces both families with the attributes that were asked for", async () => {
      const expected = {
        asPath: [SPEAKER_ASN, SPEAKER_ASN, SPEAKER_ASN],
        med: 50,
        communities: ["64500:100"],
        largeCommunities: ["64500:1:2"],
      };
      const four = sorted(await routeOf(cluster, `${V4}/32`));
      const six = sorted(await routeOf(cluster, `${V6}/128`));
      expect(four).toMatchObject(
        cluster.network.nodes.map((node) => ({ ...expected, from: node.name, nextHop: node.address })),
      );
      expect(six).toMatchObject(
        cluster.network.nodes.map((node) => ({ ...expected, from: sixOf(node.name), nextHop: node.address6 })),
      );
    });

    it("lets a Service set what the advertisement allows, in place, and says what it does not", async () => {
      const wanted = { "metallb.io/bgp-med": "60", "metallb.io/bgp-communities": "64500:7,64500:8" };
      const pairs = Object.entries(wanted).map(([name, value]) => `${name}=${value}`);
      await cluster.kubectl("annotate", "service", "web", ...pairs);
      const set = { med: 60, communities: ["64500:7", "64500:100"] };
      const found = await eventually(
        async () => (await cluster.router.routes()).map(({ paths }) => paths),
        (routes) => routes.flat().length === 4 && routes.flat().every(({ med }) => med === 60),
        { what: "the routes do not carry what the Service sets" },
      );
      for (const path of found.flat()) expect(path).toMatchObject(set);
      const events = await eventually(
        () => cluster.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason} {.message}{'\\n'}{end}"),
        (text) => text.includes("attributeRefused"),
        { what: "the Service is not told what it may not set" },
      );
      expect(events).toContain(
        'advertisement all does not take its annotation metallb.io/bgp-communities: "64500:8" is not among the communities that Services may add',
      );
      await cluster.kubectl("annotate", "service", "web", ...Object.keys(wanted).map((name) => `${name}-`));
      await eventually(
        async () => (await cluster.router.routes()).flatMap(({ paths }) => paths.map(({ med }) => med)),
        (meds) => meds.length === 4 && meds.every((med) => med === 50),
        { what: "the routes keep what the Service had set" },
      );
    });

    it("spreads a client's connections over the nodes", async () => {
      for (const address of [V4, V6]) {
        const answers = await eventually(
          () => whoAnswers(cluster.network, address, 30),
          (answered) => answered.size === 2,
          { what: `not both nodes answer at ${address}` },
        );
        for (const count of answers.values()) expect(count).toBeGreaterThan(3);
      }
    });

    it("announces and withdraws one Service beside another that stays, on the same sessions", async () => {
      const { nodes } = cluster.network;
      await cluster.apply(
        ...nodes.map((node) => podObject("more", node)),
        sliceObject("more", "IPv4", nodes),
        service("more", "198.51.100.8", "2001:db8:51::8"),
      );
      await routeOf(cluster, "198.51.100.8/32");
      await cluster.kubectl("delete", "service", "more");
      await eventually(
        async () => (await cluster.router.routes()).map((route) => route.prefix).toSorted(),
        (prefixes) => JSON.stringify(prefixes) === JSON.stringify([`${V4}/32`, `${V6}/128`]),
        { what: "the deleted Service's routes are left, or the other's are gone" },
      );
    });

    it("takes all ways of a speaker away when it ends, and keeps the other's", async () => {
      const code = await speakers.get("node-2")?.stop();
      expect(code).toBe(0);
      const { paths } = (await routeOf(cluster, `${V4}/32`, 1)) ?? { paths: [] };
      expect(paths.map((path) => path.from)).toEqual(["node-1"]);
    });
  });
}

for (const kind of [...KINDS, "gobgp"] as const) {
  describeWith(["root", "namespaces", kind, "kubectl"], `internal sessions with ${kind}`, () => {
    let cluster: TestCluster;

    beforeAll(async () => {
      cluster = await startTestCluster({
        nodes: 1,
        kubernetes: "embedded",
        router: kind,
        describe: (description) => ({ ...description, asn: SPEAKER_ASN, installRoutes: kind !== "gobgp" }),
      });
      await cluster.startController();
      await cluster.startSpeaker("node-1");
      const { router, nodes } = cluster.network;
      const peer = { myASN: SPEAKER_ASN, peerASN: SPEAKER_ASN };
      await cluster.apply(
        pool,
        metallbObject("BGPPeer", "router", { ...peer, peerAddress: router.address }),
        metallbObject("BGPPeer", "router-six", { ...peer, peerAddress: router.address6 }),
        metallbObject("BGPAdvertisement", "preferred", {
          localPref: 250,
          med: 4_294_967_295,
          asPathPrepend: 3,
          peers: ["router"],
        }),
        metallbObject("BGPAdvertisement", "default", { peers: ["router-six"] }),
        ...nodes.map((node) => podObject("web", node)),
        sliceObject("web", "IPv4", nodes),
        service("web", V4, V6),
      );
    });
    afterAll(() => cluster?.close());

    it("says its preference, 100 where none is set, and no AS", async () => {
      const { address, address6 } = cluster.node("node-1");
      const [four] = (await routeOf(cluster, `${V4}/32`))?.paths ?? [];
      const [six] = (await routeOf(cluster, `${V6}/128`))?.paths ?? [];
      expect(four).toMatchObject({ asPath: [], localPref: 250, med: 4_294_967_295, nextHop: address, communities: [] });
      expect(six).toMatchObject({ asPath: [], localPref: 100, nextHop: address6, communities: [] });
    });
  });
}
