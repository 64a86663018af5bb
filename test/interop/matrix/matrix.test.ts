import { readFile, writeFile } from "node:fs/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { BareLine } from "../../support/bare-speaker.ts";
import { describeWith } from "../../support/parts.ts";
import { missing } from "../../support/probes.ts";
import { eventually, projectFile, runIn, runWith } from "../../support/programs.ts";
import { BFD, MatrixBench, ROUTER, type Session, SPEAKER, SPEAKER_AS } from "./bench.ts";
import type { Make, RunningRouter, Wish } from "./make.ts";
import { MAKES } from "./makes.ts";

const V4 = "198.51.100.7/32";
const V6 = "2001:db8:51::7/128";
const MANY = Array.from({ length: 5_000 }, (_, i) => `203.0.${113 + (i >> 8)}.${i & 255}/32`);

/** Nothing of BGP comes in. */
const SILENCE = `
  table inet silence {
    chain in { type filter hook input priority filter; tcp sport 179 drop; tcp dport 179 drop; }
  }`;

/** Nothing of BGP goes through. */
const BLACKHOLE = `
  table inet blackhole {
    chain in { type filter hook input priority filter; tcp sport 179 drop; tcp dport 179 drop; }
    chain out { type filter hook output priority filter; tcp sport 179 drop; tcp dport 179 drop; }
  }`;

/** It is up, takes so many packets, and was never down. */
async function bfdStands(bench: MatrixBench, packets = 40): Promise<void> {
  await eventually(
    () => bench.counters("bfd"),
    (counters) => counters?.up === true && counters.controlPacketsInput > packets,
    { what: `BFD is not up: ${bench.logs.join("; ")}`, limit: 20_000 },
  );
  expect(bench.counters("bfd")?.downEvents).toBe(0);
}

/** Ends the router and starts it with another wish. */
type Again = (wish: Wish) => Promise<RunningRouter>;

interface Feature {
  readonly name: string;
  readonly wish: Wish;
  readonly peer?: NonNullable<BareLine["peer"]>;
  /** A second one at the same place. */
  readonly beside?: NonNullable<BareLine["peer"]>;
  readonly attributes?: NonNullable<BareLine["attributes"]>;
  /** What the router must say of the route. */
  readonly says?: (make: Make) => readonly RegExp[];
  readonly check?: (bench: MatrixBench, router: RunningRouter, again: Again) => Promise<void>;
  readonly cannot?: (make: Make) => string | null;
}

const becomes = (bench: MatrixBench, is: (session: Session) => boolean, what: string) =>
  eventually(() => bench.reports("bgp").at(-1) ?? Promise.reject(new Error("nothing told")), is, { what });

/** A row each. A cell is a test, or the reason why the router cannot. */
const FEATURES: readonly Feature[] = [
  { name: "external, IPv4", wish: { over: "four" }, says: ({ words }) => [words.asPath(String(SPEAKER_AS))] },
  { name: "external, IPv6", wish: { over: "six" }, says: ({ words }) => [words.asPath(String(SPEAKER_AS))] },
  {
    name: "internal, local preference",
    wish: { over: "four", internal: true },
    peer: { peerAs: "internal" },
    attributes: { localPref: 250 },
    says: ({ words }) => [words.localPref("250")],
  },
  {
    name: "both families on one session",
    wish: { over: "four", families: ["ipv4", "ipv6"] },
    peer: { families: ["ipv4-unicast", "ipv6-unicast"] },
    check: async (bench, router) => {
      await eventually(
        () => router.route(V6),
        (text) => text !== "",
        { what: "no IPv6 route came over IPv4" },
      );
      const before = bench.reports("bgp").length;
      await runIn(bench.node, "ip", "addr", "del", `${SPEAKER.six}/64`, "dev", "x0");
      await eventually(
        () => router.route(V6),
        (text) => text === "",
        { what: "the IPv6 route stays without a next hop" },
      );
      await runIn(bench.node, "ip", "addr", "add", "fd99::22/64", "dev", "x0", "nodad");
      await eventually(
        () => router.route(V6),
        (text) => text.includes("fd99::22"),
        { what: "the IPv6 route does not come back with the new next hop" },
      );
      expect(
        bench
          .reports("bgp")
          .slice(before)
          .map(({ state }) => state),
      ).not.toContain("Idle");
    },
  },
  {
    name: "unnumbered (RFC 8950)",
    wish: { over: "unnumbered" },
    peer: { peerAs: "external", families: ["ipv4-unicast", "ipv6-unicast"] },
  },
  {
    name: "AS of four octets",
    wish: { over: "four", speakerAs: 4_200_000_000 },
    peer: { localAs: 4_200_000_000 },
    says: ({ words }) => [words.asPath("4200000000")],
  },
  { name: "TCP MD5, IPv4", wish: { over: "four", password: "a-long-secret" }, peer: { password: "a-long-secret" } },
  { name: "TCP MD5, IPv6", wish: { over: "six", password: "a-long-secret" }, peer: { password: "a-long-secret" } },
  {
    name: "TTL security (RFC 5082)",
    wish: { over: "four", ttlSecurity: true },
    check: async (bench, _, again) => {
      await becomes(bench, ({ ttlSecurity }) => ttlSecurity, "the kernel does not guard the session by TTL");
      // What was found of a router is no condition: set up otherwise it is a peer like others.
      const other = await again({ over: "four" });
      await eventually(
        () => other.route(V4),
        (text) => text !== "",
        { what: "a router that sends another TTL than before has no session", limit: 30_000 },
      );
      expect(bench.reports("bgp").at(-1)).toMatchObject({ state: "Established", ttlSecurity: false });
    },
  },
  {
    name: "passive: the router connects",
    wish: { over: "four", dials: true },
    peer: { passive: true },
    cannot: ({ part }) =>
      part === "openbgpd" ? "it waits half a minute before it connects, longer than this test" : null,
  },
  {
    name: "communities, large communities",
    wish: { over: "four" },
    attributes: { communities: [64500 * 65536 + 100], largeCommunities: [[64500, 1, 2]] },
    says: ({ words }) => [words.community("64500:100"), words.largeCommunity("64500:1:2")],
  },
  {
    name: "MED, longer path",
    wish: { over: "four" },
    attributes: { med: 50, asPathPrepend: 2 },
    says: ({ words }) => [words.med("50"), words.asPath(`${SPEAKER_AS} ${SPEAKER_AS} ${SPEAKER_AS}`)],
  },
  {
    name: "link bandwidth",
    wish: { over: "four" },
    attributes: { linkBandwidth: 1_250_000 },
    says: ({ words }) => [words.bandwidth("1250000")],
    cannot: ({ part }) =>
      part === "openbgpd"
        ? "7.7 shows no extended community that is not transitive"
        : part === "exabgp"
          ? "4.2 shows the octets of an extended community as one number that has lost its last digits"
          : null,
  },
  {
    name: "GSHUT (RFC 8326)",
    wish: { over: "four" },
    attributes: { communities: [0xffff_0000] },
    says: ({ words }) => [words.gracefulShutdown("")],
  },
  {
    name: "route refresh (RFC 2918, 7313)",
    wish: { over: "four", refresh: true },
    check: async (bench, router) => {
      await router.refresh?.();
      await eventually(
        () => bench.counters("bgp")?.routeRefreshesReceived ?? 0,
        (count) => count > 0,
        { what: "no ROUTE-REFRESH came" },
      );
      expect(await router.route(V4)).not.toBe("");
      expect(bench.reports("bgp").at(-1)?.state).toBe("Established");
    },
    cannot: ({ part }) =>
      part === "exabgp"
        ? "it keeps no routes, and asks for none again"
        : part === "gobgp"
          ? "3.10 keeps all that it was told, and asks for nothing again"
          : null,
  },
  {
    name: "messages of 65,535 octets (RFC 8654)",
    wish: { over: "four", extended: true },
    check: async (bench, router) => {
      bench.say({ announce: MANY });
      await eventually(
        () => router.route(MANY.at(-1) ?? ""),
        (text) => text !== "",
        { what: "the last of many routes did not come" },
      );
      // One route and End-of-RIB; then 5,000 prefixes of five octets: seven messages of 4,096 octets, or one.
      const sent = await eventually(
        () => bench.counters("bgp")?.updatesSent ?? 0,
        (count) => count > 2,
        { what: "nothing was counted" },
      );
      expect(sent).toBe(3);
    },
  },
  {
    name: "shutdown with a text (RFC 9003)",
    wish: { over: "four", shutdownText: true },
    check: async (bench, router) => {
      await router.shutdown?.("maintenance");
      await eventually(
        () => bench.reports("bgp").map(({ reason }) => reason),
        (reasons) => reasons.some((reason) => reason.includes("maintenance")),
        { what: "the router's words are not told" },
      );
    },
  },
  {
    name: "RST: the session is back at once",
    wish: { over: "four" },
    check: async (bench, router) => {
      const before = bench.reports("bgp").length;
      await runIn(bench.router, "ss", "-K", "sport = :179");
      const after = () => bench.reports("bgp").slice(before);
      await eventually(after, (all) => all.some(({ state }) => state !== "Established"), { what: "it does not fall" });
      await eventually(after, (all) => all.at(-1)?.state === "Established", { what: "it does not come back" });
      await eventually(
        () => router.route(V4),
        (text) => text !== "",
        { what: "the route does not come back" },
      );
    },
  },
  {
    name: "blackhole: nothing comes through either way, and the session is back after it",
    wish: { over: "four" },
    peer: { holdTime: 3 },
    check: async (bench, router) => {
      const began = performance.now();
      for (const end of [bench.node, bench.router]) await runWith(end, ["nft", "-f", "-"], { input: BLACKHOLE });
      await becomes(bench, ({ reason }) => reason.includes("hold timer expired"), "it does not end");
      expect(performance.now() - began).toBeLessThan(4_500);
      for (const end of [bench.node, bench.router])
        await runWith(end, ["nft", "delete", "table", "inet", "blackhole"], {});
      await bench.established(40_000);
      await eventually(
        () => router.route(V4),
        (text) => text !== "",
        { what: "the route does not come back", limit: 20_000 },
      );
    },
  },
  {
    name: "two connections that cross (RFC 4271, section 6.8)",
    wish: { over: "four", dials: true },
    peer: { name: "dialled" },
    beside: { name: "waits", passive: true },
    check: async (bench, router) => {
      const up = () => [...bench.latest().values()].filter(({ state }) => state === "Established").length;
      await eventually(
        () => bench.latest().size,
        (size) => size === 2,
        { what: "the second is not told of" },
      );
      // Whatever comes of the other, the one that the router chose stays, with its routes.
      const before = bench.reports("bgp").filter(({ state }) => state === "Established").length;
      for (let looks = 0; looks < 40; looks++) {
        await eventually(up, (count) => count === 1, { what: "not one of the two stands" });
        expect(await router.route(V4)).not.toBe("");
      }
      expect(bench.reports("bgp").filter(({ state }) => state === "Established").length).toBe(before);
    },
    cannot: ({ part }) =>
      part === "openbgpd" ? "it waits half a minute before it connects, longer than this test" : null,
  },
  {
    name: "BFD at 50 ms",
    wish: { over: "four", bfd: 50 },
    peer: { bfd: BFD },
    check: (bench) => bfdStands(bench),
  },
  {
    name: "BFD echo",
    wish: { over: "four", bfd: 100, bfdEcho: 100 },
    peer: { bfd: { ...BFD, receiveInterval: 100, transmitInterval: 100, echoInterval: 100 } },
    check: async (bench) => {
      await bfdStands(bench, 5);
      await eventually(
        () => bench.counters("bfd")?.echoPacketsInput ?? 0,
        (count) => count > 20,
        { what: "no echo packet comes back" },
      );
    },
  },
  {
    name: "BFD authentication (five kinds)",
    wish: { over: "four", bfd: 100, bfdAuthentication: "meticulous keyed sha1" },
    peer: { bfd: { ...BFD, authentication: { type: "meticulous-keyed-sha1", keyId: 1, key: "secret" } } },
    check: (bench) => bfdStands(bench),
  },
  {
    name: "silence: the hold time ends the session",
    wish: { over: "four" },
    peer: { holdTime: 3 },
    check: async (bench) => {
      const silent = performance.now();
      await runWith(bench.node, ["nft", "-f", "-"], { input: SILENCE });
      await becomes(bench, ({ reason }) => reason.includes("hold timer expired"), "it does not end");
      // Keepalives come once a second, so the hold time began up to a second before.
      expect(performance.now() - silent).toBeLessThan(4_500);
      await runWith(bench.node, ["nft", "delete", "table", "inet", "silence"], {});
      await bench.established();
    },
  },
  {
    name: "VRF",
    wish: { over: "four" },
    cannot: () => "the kernel that this page was written on has no VRF devices",
  },
  {
    name: "TCP-AO (RFC 5925)",
    wish: { over: "four" },
    cannot: () => "this speaker has none, nor have these releases; nor the kernel that this page was written on",
  },
  {
    name: "graceful restart: kill and come back",
    wish: { over: "four", graceful: true },
    peer: { gracefulRestart: true },
    check: async (bench, router) => {
      await bench.stopSpeaker("SIGKILL");
      for (let i = 0; i < 10; i++) expect(await router.route(V4)).not.toBe("");
      bench.startSpeaker({ announce: [V4, V6] }, { peer: peerOf({ over: "four" }, { gracefulRestart: true }) });
      await bench.established();
      expect(await router.route(V4)).not.toBe("");
    },
  },
  {
    name: "graceful restart: a planned end withdraws",
    wish: { over: "four", graceful: true },
    peer: { gracefulRestart: true },
    check: async (bench, router) => {
      await bench.stopSpeaker("goodbye", "withdraw");
      await eventually(
        () => router.route(V4),
        (text) => text === "",
        { what: "the router keeps the route", limit: 5_000 },
      );
    },
  },
];

const peerOf = ({ over }: Wish, more: NonNullable<BareLine["peer"]> = {}): NonNullable<BareLine["peer"]> => ({
  ...(over === "unnumbered" ? { interface: "x0" } : { address: over === "six" ? ROUTER.six : ROUTER.four }),
  families: [over === "six" ? "ipv6-unicast" : "ipv4-unicast"],
  ...more,
});

const cells = new Map<string, string>();

for (const make of MAKES)
  describeWith(["root", "namespaces", "iptables", make.part], `the matrix with ${make.name}`, () => {
    let bench: MatrixBench | undefined;
    let router: RunningRouter | undefined;
    afterEach(async () => {
      await bench?.stopSpeaker();
      await router?.stop();
      await bench?.close();
    });

    for (const feature of FEATURES) {
      const reason = make.cannot(feature.wish) ?? feature.cannot?.(make) ?? null;
      const cell = `${feature.name} ${make.name}`;
      if (reason !== null) {
        cells.set(cell, reason);
        continue;
      }
      it(feature.name, async () => {
        cells.set(cell, "fails");
        bench = await MatrixBench.open();
        router = await make.start(bench, feature.wish);
        const { attributes } = feature;
        bench.startSpeaker(
          { announce: [V4, V6], ...(attributes ? { attributes } : {}) },
          { peer: peerOf(feature.wish, feature.peer) },
          ...(feature.beside ? [{ peer: peerOf(feature.wish, feature.beside) }] : []),
        );
        await bench.established();
        const prefix = feature.wish.over === "six" ? V6 : V4;
        const running = router;
        const said = await eventually(
          () => running.route(prefix),
          (text) => text !== "",
          { what: "the router has no route" },
        );
        for (const words of feature.says?.(make) ?? []) expect(said).toMatch(words);
        const here = bench;
        await feature.check?.(bench, router, async (wish) => {
          await router?.stop();
          router = await make.start(here, wish);
          return router;
        });
        cells.set(cell, "yes");
      });
    }
  });

describe("the matrix", () => {
  afterAll(() => {
    console.log(table());
  });

  it("is kept in docs/interop.md", async () => {
    // Where a router is not installed nothing new is known.
    if (MAKES.some(({ part }) => missing(part) !== null || missing("root") !== null)) return;
    if ([...cells.values()].includes("fails")) return;
    const file = projectFile("docs/interop.md");
    if (process.env.METALLB_WRITE_DOCS === "1") await writeFile(file, page());
    expect(await readFile(file, "utf8")).toBe(page());
  });
});

function table(): string {
  const notes: string[] = [];
  const rows = FEATURES.map(({ name }) => {
    const row = MAKES.map((make) => {
      const cell = cells.get(`${name} ${make.name}`) ?? "not run";
      if (["yes", "fails", "not run"].includes(cell)) return cell;
      const isOfAll = MAKES.every((each) => cells.get(`${name} ${each.name}`) === cell);
      const note = isOfAll ? `All: ${cell}` : `${make.name}: ${cell}`;
      if (!notes.includes(note)) notes.push(note);
      return `no (${notes.indexOf(note) + 1})`;
    });
    return `| ${[name, ...row].join(" | ")} |`;
  });
  const head = ["", ...MAKES.map(({ name }) => name)];
  return [
    `| ${head.join(" | ")} |`,
    `|${head.map(() => "---").join("|")}|`,
    ...rows,
    "",
    ...notes.map((note, i) => `${i + 1}. ${note}.`),
  ].join("\n");
}

const page = (): string => `# Interoperability

What was tried with which router, in network namespaces, by \`npm test -- test/interop\`. This page is written by that test (\`METALLB_WRITE_DOCS=1\`) and held to it. \`yes\`: the test of that name passes. A number names the reason why the router cannot. The routers are those of Debian 12: BIRD 2.0.12, FRR 8.4.4, GoBGP 3.10, OpenBGPD 7.7 and ExaBGP 4.2.21.

${table()}

Of newer releases GoBGP 4.8.0 was tried, which the Go module proxy has: \`GOBIN=$PWD/new go install github.com/osrg/gobgp/v4/cmd/{gobgpd,gobgp}@v4.8.0\`, then \`PATH=$PWD/new:$PATH npm test -- test/interop/matrix -t GoBGP\`. Its column is the same as that of 3.10. Debian 12 and its updates hold no newer BIRD, FRR, OpenBGPD or ExaBGP, and nothing else than its packages was taken, so these were not tried.

BFD with BIRD and FRR, over one hop and several, with echo packets and each of the five kinds of authentication, has a test of its own (\`test/interop/bfd.test.ts\`), and so have interfaces that go down or change their name or MAC, lost packets and a router whose window is zero (\`test/interop/network-faults.test.ts\`); in another tshark reads every kind of message that the speaker sends (\`test/interop/tshark.test.ts\`).
`;
