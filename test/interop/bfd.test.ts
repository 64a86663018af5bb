import { afterEach, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runWith } from "../support/programs.ts";
import { MatrixBench, ROUTER, SPEAKER } from "./matrix/bench.ts";
import type { RunningRouter, Wish } from "./matrix/make.ts";
import { MAKES } from "./matrix/makes.ts";

const INTERVAL = 100;
/** Nothing of BFD gets through, everything of BGP does. */
const BLACKHOLE = `
  table inet blackhole {
    chain in { type filter hook input priority filter; udp dport { 3784, 4784 } drop; }
  }`;

for (const make of MAKES.filter(({ part }) => part === "frr" || part === "bird"))
  describeWith(["root", "namespaces", make.part, "iptables"], `BFD with ${make.name}`, () => {
    let bench: MatrixBench | undefined;
    let router: RunningRouter | undefined;
    afterEach(async () => {
      await bench?.stopSpeaker();
      await router?.stop();
      await bench?.close();
    });

    const start = async (multihop: boolean): Promise<MatrixBench> => {
      bench = await MatrixBench.open();
      router = await make.start(bench, { over: "four", bfd: INTERVAL, bfdMultihop: multihop });
      const bfd = {
        receiveInterval: INTERVAL,
        transmitInterval: INTERVAL,
        detectMultiplier: 3,
        // BIRD sends to a peer several hops away with the TTL of the kernel.
        minimumTtl: 60,
        passive: false,
        echoInterval: null,
        authentication: null,
      };
      bench.startSpeaker(
        { announce: ["198.51.100.7/32"] },
        {
          peer: { address: ROUTER.four, source: "10.99.0.2", families: ["ipv4-unicast"], bfd, ebgpMultiHop: multihop },
        },
      );
      await bench.established();
      return bench;
    };
    const bfdIs = (at: MatrixBench, state: string) =>
      eventually(
        () => at.reports("bfd").at(-1)?.state ?? "none",
        (now) => now === state,
        { what: `BFD is not ${state}` },
      );

    it("finds a path that fails within the detection time, ends the session, and holds it until the path is back", async () => {
      const at = await start(false);
      await bfdIs(at, "Up");
      await at.established();
      const before = performance.now();
      await runWith(at.node, ["nft", "-f", "-"], { input: BLACKHOLE });
      await bfdIs(at, "Down");
      // What BFD finds is told before what follows from it.
      const fell = await eventually(
        () => at.reports("bgp").find(({ state, at: when }) => state === "Idle" && when > before),
        (report) => report !== undefined,
        { what: "the session goes on" },
      );
      // The rest is what nft and a busy machine take.
      expect((fell?.at ?? Number.POSITIVE_INFINITY) - before).toBeLessThan(3 * INTERVAL + 700);
      expect(fell?.reason).toContain("BFD");
      await eventually(
        () => router?.route("198.51.100.7/32") ?? "",
        (route) => route === "",
        {
          what: "the router keeps the route of a dead path",
        },
      );
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      expect(at.reports("bgp").at(-1)?.state).toBe("Idle");
      await runWith(at.node, ["nft", "delete", "table", "inet", "blackhole"], {});
      await bfdIs(at, "Up");
      await at.established();
      await eventually(
        () => router?.route("198.51.100.7/32") ?? "",
        (route) => route !== "",
        {
          what: "the route does not come back",
        },
      );
    });

    it("ends the session each time while the path flaps, and has it back with its routes when that is over", async () => {
      const at = await start(false);
      await bfdIs(at, "Up");
      for (let i = 0; i < 3; i++) {
        await runWith(at.node, ["nft", "-f", "-"], { input: BLACKHOLE });
        await bfdIs(at, "Down");
        await runWith(at.node, ["nft", "delete", "table", "inet", "blackhole"], {});
        await bfdIs(at, "Up");
      }
      await at.established();
      const fell = at.reports("bgp").filter(({ reason }) => reason.includes("BFD says that the peer is down"));
      expect(new Set(fell.map(({ at: when }) => when)).size).toBeGreaterThanOrEqual(3);
      await eventually(
        () => router?.route("198.51.100.7/32") ?? "",
        (route) => route !== "",
        { what: "the route does not come back" },
      );
    });

    it("runs over several hops, on its own port", async () => {
      const at = await start(true);
      await bfdIs(at, "Up");
    });
  });

describeWith(["root", "namespaces", "frr", "iptables"], "BFD echo with FRR", () => {
  let bench: MatrixBench | undefined;
  let router: RunningRouter | undefined;
  afterEach(async () => {
    await bench?.stopSpeaker();
    await router?.stop();
    await bench?.close();
  });

  const frr = MAKES.find(({ part }) => part === "frr");
  /** What the router itself forwards is lost, and nothing else. */
  const NO_FORWARDING = `
  table inet blackhole {
    chain through { type filter hook forward priority filter; drop; }
  }`;
  const start = async (over: "four" | "six" = "four"): Promise<MatrixBench> => {
    bench = await MatrixBench.open();
    router = await frr?.start(bench, { over, bfd: INTERVAL, bfdEcho: INTERVAL });
    const bfd = {
      receiveInterval: INTERVAL,
      transmitInterval: INTERVAL,
      detectMultiplier: 3,
      minimumTtl: 254,
      passive: false,
      echoInterval: INTERVAL,
      authentication: null,
    };
    bench.startSpeaker(
      { announce: ["198.51.100.7/32"] },
      { peer: { address: ROUTER[over], source: SPEAKER[over], families: ["ipv4-unicast", "ipv6-unicast"], bfd } },
    );
    await bench.established();
    return bench;
  };
  const frrCounts = async (): Promise<Readonly<Record<string, number>>> => {
    const [counts] = JSON.parse((await router?.ask?.("show bfd peers counters json")) ?? "[]") as Record<
      string,
      number
    >[];
    return counts ?? {};
  };

  it("sends packets that the router's forwarding brings back, sends the router's back to it, and slows the control packets", async () => {
    const at = await start();
    await eventually(
      () => at.counters("bfd")?.echoPacketsInput ?? 0,
      (count) => count > 20,
      { what: `no echo packet comes back: ${at.logs.join("; ")}` },
    );
    const theirs = await eventually(frrCounts, (counts) => (counts["echo-packet-input"] ?? 0) > 20, {
      what: "the router's echo packets do not go back to it",
    });
    // The router sends a control packet a second, as it is asked to.
    expect(theirs["control-packet-output"]).toBeLessThan(theirs["echo-packet-output"] ?? 0);
    expect(await router?.ask?.("show bfd peers json")).toMatch(/"remote-receive-interval":\s?1000/);
    expect(at.counters("bfd")).toMatchObject({ up: true, downEvents: 0 });
  });

  it("is left out over IPv6, where what FRR calls echo tests no forwarding: control packets watch the path", async () => {
    const at = await start("six");
    await eventually(
      () => at.counters("bfd"),
      (counters) => counters?.up === true && counters.controlPacketsInput > 30,
      { what: `BFD is not up: ${at.logs.join("; ")}` },
    );
    expect(at.counters("bfd")).toMatchObject({ echoPacketsOutput: 0, echoPacketsInput: 0, downEvents: 0 });
    expect(at.logs.join("\n")).toContain("BFD echo is for IPv4");
  });

  it("finds a router that answers and does not forward, which control packets do not", async () => {
    const at = await start();
    await eventually(
      () => at.counters("bfd")?.echoPacketsInput ?? 0,
      (count) => count > 5,
      { what: "no echo packet comes back" },
    );
    const before = performance.now();
    await runWith(at.router, ["nft", "-f", "-"], { input: NO_FORWARDING });
    const down = await eventually(
      () => at.reports("bfd").find(({ state, at: when }) => state === "Down" && when > before),
      (report) => report !== undefined,
      { what: "BFD does not notice" },
    );
    expect(down?.reason).toBe("echo packets did not come back");
    // The rest is what nft and a busy machine take.
    expect((down?.at ?? Number.POSITIVE_INFINITY) - before).toBeLessThan(3 * INTERVAL + 700);
    await eventually(
      () => at.reports("bgp").find(({ state, at: when }) => state === "Idle" && when > before)?.reason ?? "",
      (reason) => reason.includes("BFD"),
      { what: "the session goes on" },
    );
    await runWith(at.router, ["nft", "delete", "table", "inet", "blackhole"], {});
    await at.established();
  });
});

const AUTHENTICATIONS = ["simple", "keyed-md5", "meticulous-keyed-md5", "keyed-sha1", "meticulous-keyed-sha1"] as const;

describeWith(["root", "namespaces", "bird"], "BFD authentication with BIRD", () => {
  let bench: MatrixBench | undefined;
  let router: RunningRouter | undefined;
  afterEach(async () => {
    await bench?.stopSpeaker();
    await router?.stop();
    await bench?.close();
  });

  const bird = MAKES.find(({ part }) => part === "bird");
  const speaker = (type: (typeof AUTHENTICATIONS)[number], key: string) => ({
    peer: {
      address: ROUTER.four,
      source: "10.99.0.2",
      families: ["ipv4-unicast"] as const,
      bfd: {
        receiveInterval: INTERVAL,
        transmitInterval: INTERVAL,
        detectMultiplier: 3,
        minimumTtl: 254,
        passive: false,
        echoInterval: null,
        authentication: { type, keyId: 1, key },
      },
    },
  });
  const lastState = (at: MatrixBench) => at.reports("bfd").at(-1)?.state ?? "none";

  it.each(AUTHENTICATIONS)("%s: comes up with the key, and stays up", async (type) => {
    bench = await MatrixBench.open();
    const words = type.replaceAll("-", " ") as NonNullable<Wish["bfdAuthentication"]>;
    router = await bird?.start(bench, { over: "four", bfd: INTERVAL, bfdAuthentication: words });
    bench.startSpeaker(speaker(type, "secret"));
    const at = bench;
    await eventually(
      () => lastState(at),
      (now) => now === "Up",
      { what: `BFD is not up: ${at.logs.join("; ")}` },
    );
    await at.established();
    // More packets than a window of sequence numbers has.
    const before = at.counters("bfd")?.controlPacketsInput ?? 0;
    await eventually(
      () => at.counters("bfd"),
      (counters) => (counters?.controlPacketsInput ?? 0) > before + 30,
      { what: "no packets are taken" },
    );
    expect(at.counters("bfd")).toMatchObject({ up: true, downEvents: 0 });
    expect(await router?.ask?.("show bfd sessions")).toContain("Up");
  });

  it("does not come up with another key, says so without it, and leaves the session alone", async () => {
    bench = await MatrixBench.open();
    router = await bird?.start(bench, { over: "four", bfd: INTERVAL, bfdAuthentication: "keyed sha1" });
    bench.startSpeaker(speaker("keyed-sha1", "another-secret"));
    const at = bench;
    await at.established();
    const told = await eventually(
      () => at.logs.filter((line) => line.includes("does not fit")),
      (lines) => lines.length > 0,
      { what: "nothing is said" },
    );
    expect(at.logs.join()).not.toContain("another-secret");
    expect([told.length, lastState(at)]).toEqual([1, "none"]);
  });
});
