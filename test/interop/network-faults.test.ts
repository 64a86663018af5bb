import { afterEach, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import {
  eventually,
  type Program,
  projectFile,
  runIn,
  runWith,
  startProgram,
  type Where,
} from "../support/programs.ts";
import { BFD, MatrixBench, ROUTER, SPEAKER } from "./matrix/bench.ts";
import type { RunningRouter } from "./matrix/make.ts";
import { MAKES } from "./matrix/makes.ts";

const MANY = Array.from({ length: 5_000 }, (_, i) => `203.0.${113 + (i >> 8)}.${i & 255}/32`);
const ONE = "198.51.100.7/32";
const LAST = MANY.at(-1) ?? "";

/** Of the packets of BGP that come in so many of a hundred are lost, whichever. */
const loss = (percent: number): string => `
  table inet lossy {
    chain in {
      type filter hook input priority filter;
      tcp dport 179 numgen random mod 100 < ${percent} drop
      tcp sport 179 numgen random mod 100 < ${percent} drop
    }
  }`;

/** Faults 16, 17 and 19 of a network, with the engines as a process of their own and a router that is real. */
describeWith(["root", "namespaces", "bird", "iptables"], "a speaker on a network that misbehaves", () => {
  let bench: MatrixBench | undefined;
  let router: RunningRouter | undefined;
  let wire: Program | undefined;
  afterEach(async () => {
    signal("SIGCONT");
    await bench?.stopSpeaker();
    await router?.stop();
    await wire?.stop("SIGKILL");
    wire = undefined;
    await bench?.close();
  });

  const signal = (name: "SIGSTOP" | "SIGCONT"): void => {
    for (const program of router?.programs ?? []) if (program.exitCode() === null) process.kill(program.pid, name);
  };
  const bird = MAKES.find(({ part }) => part === "bird");
  const start = async (more: object = {}, prepare?: (bench: MatrixBench) => Promise<unknown>): Promise<MatrixBench> => {
    bench = await MatrixBench.open();
    await prepare?.(bench);
    router = await bird?.start(bench, { over: "four" });
    bench.startSpeaker({ announce: [ONE] }, { peer: { address: ROUTER.four, families: ["ipv4-unicast"], ...more } });
    await bench.established();
    await has(ONE);
    return bench;
  };
  const has = (prefix: string, limit = 30_000) =>
    eventually(
      () => router?.route(prefix) ?? "",
      (text) => text !== "",
      { what: `the router has not ${prefix}`, limit },
    );
  const fell = (at: MatrixBench, since: number) =>
    eventually(
      () => at.reports("bgp").find(({ state, at: when }) => state !== "Established" && when > since)?.reason,
      (reason) => reason !== undefined,
      { what: "the session does not fall" },
    );
  const link = (where: Where, ...words: readonly string[]) => runIn(where, "ip", "link", "set", "dev", ...words);

  it("is back with its routes when the interface went down and comes up, has another name, or another MAC", async () => {
    const at = await start({ holdTime: 3 });
    for (const change of ["none", "name", "MAC"]) {
      const began = performance.now();
      const name = change === "name" ? "x1" : "x0";
      await link(at.node, "x0", "down");
      if (change === "name") await link(at.node, "x0", "name", name);
      if (change === "MAC") await link(at.node, "x0", "address", "02:00:00:00:00:77");
      await fell(at, began);
      await link(at.node, name, "up");
      await at.established(30_000);
      await has(ONE);
      if (change !== "name") continue;
      // Back to its name, while it is up as the kernel allows it.
      await link(at.node, "x1", "down");
      await link(at.node, "x1", "name", "x0");
      await link(at.node, "x0", "up");
      await eventually(
        () => at.latest().get("router")?.state,
        (state) => state === "Established",
        { what: "it is not back", limit: 30_000 },
      );
      await has(ONE);
    }
  });

  it.each([1, 5, 20])(
    "sends all its routes, on one session, where %i of a hundred packets are lost",
    async (percent) => {
      const at = await start({ holdTime: 30 });
      for (const end of [at.node, at.router]) await runWith(end, ["nft", "-f", "-"], { input: loss(percent) });
      const before = at.reports("bgp").length;
      at.say({ announce: MANY });
      await has(LAST);
      at.say({ withdraw: MANY });
      await eventually(
        () => router?.route(LAST) ?? "",
        (text) => text === "",
        { what: "the router keeps a route that was withdrawn", limit: 30_000 },
      );
      expect(await router?.route(ONE)).not.toBe("");
      expect(
        at
          .reports("bgp")
          .slice(before)
          .map(({ state }) => state),
      ).not.toContain("Idle");
    },
  );

  it("holds BFD and the session, and sends all its routes, where packets overtake each other and come twice", async () => {
    const at = await MatrixBench.open();
    bench = at;
    wire = await at.between((where, one, other) =>
      startProgram(where, [
        projectFile("bin/node"),
        "--conditions=metallb-source",
        projectFile("test/interop/bad-wire.ts"),
        one,
        other,
        "40",
        "10",
      ]),
    );
    const running = wire;
    const output = (): string => running.output();
    await eventually(output, (text) => text.includes("ready"), { what: "the wire is not laid" });
    router = await bird?.start(at, { over: "four", bfd: 300 });
    const bfd = { ...BFD, receiveInterval: 300, transmitInterval: 300, detectMultiplier: 5 };
    at.startSpeaker(
      { announce: [ONE] },
      { peer: { address: ROUTER.four, source: SPEAKER.four, families: ["ipv4-unicast"], holdTime: 9, bfd } },
    );
    await at.established();
    await eventually(
      () => at.counters("bfd"),
      (counters) => counters?.up === true,
      { what: "BFD is not up" },
    );
    const before = at.reports("bgp").length;
    at.say({ announce: MANY });
    await has(LAST);
    at.say({ withdraw: MANY.slice(1) });
    await eventually(
      () => router?.route(LAST) ?? "",
      (text) => text === "",
      { what: "the router keeps a route that was withdrawn" },
    );
    await has(MANY[0] ?? "");
    // Datagrams of BFD went both ways a good while, and many overtook others.
    await eventually(
      () => at.counters("bfd")?.controlPacketsInput ?? 0,
      (count) => count > 20,
      { what: "no datagram of BFD comes" },
    );
    const counted = JSON.parse(output().trimEnd().split("\n").at(-1) ?? "") as { overtaken: number; doubled: number };
    expect(counted.overtaken).toBeGreaterThan(5);
    expect(counted.doubled).toBeGreaterThan(0);
    expect(at.reports("bgp").slice(before)).toEqual([]);
    expect(at.counters("bfd")?.downEvents).toBe(0);
  });

  it("ends the session of a router that reads no more, by the hold time, and is back when it reads", async () => {
    // The router's kernel takes 4 kB, so that its window is zero long before all routes are there.
    const at = await start({ holdTime: 3 }, (on) =>
      runIn(on.router, "sh", "-c", "echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_rmem"),
    );
    const began = performance.now();
    signal("SIGSTOP");
    at.say({ announce: MANY });
    await eventually(
      () => runIn(at.node, "ss", "-Hto", "state", "established", "dport = :179"),
      (sockets) => sockets.includes("timer:(persist"),
      { what: "the router's window is not zero" },
    );
    expect(await fell(at, began)).toContain("hold timer expired");
    expect(performance.now() - began).toBeLessThan(6_000);
    signal("SIGCONT");
    await at.established(30_000);
    await has(LAST);
    await has(ONE);
  });

  it("goes on with a router that talks and never reads, holds nothing back for it in memory, and tells it the last word alone", async () => {
    const at = await MatrixBench.open();
    bench = at;
    await runIn(at.router, "sh", "-c", "echo 4096 4096 4096 > /proc/sys/net/ipv4/tcp_rmem");
    await runIn(at.node, "sh", "-c", "echo 4096 16384 16384 > /proc/sys/net/ipv4/tcp_wmem");
    const peer = await startProgram(at.router, [
      projectFile("bin/node"),
      "--conditions=metallb-source",
      projectFile("test/interop/deaf-peer.ts"),
      ROUTER.four,
    ]);
    router = { programs: [peer], route: async () => "", stop: () => peer.stop("SIGKILL") };
    const says = (words: string, what: string) =>
      eventually(
        () => peer.output().trimEnd().split("\n").at(-1) ?? "",
        (line) => line.includes(words),
        { what, limit: 30_000 },
      );
    await says("ready", "the peer does not listen");
    at.startSpeaker(
      { announce: [ONE] },
      { peer: { address: ROUTER.four, peerAs: "internal", holdTime: 3, families: ["ipv4-unicast"] } },
    );
    await at.established();
    await says(`"count":1`, "the peer has no route");
    process.kill(peer.pid, "SIGUSR2");
    await says("deaf", "the peer goes on reading");
    let med = 1;
    const change = (): void => at.say({ announce: MANY, attributes: { med: med++ } });
    // Its runtime takes some octets still, and its kernel.
    await eventually(
      () => {
        change();
        return runIn(at.node, "ss", "-Hto", "state", "established", "dport = :179");
      },
      (sockets) => sockets.includes("timer:(persist"),
      { what: "the peer's window is not zero" },
    );
    const [before, reports] = [at.counters("bgp"), at.reports("bgp").length];
    // For three hold times all routes change again and again, and none of it can be sent.
    await eventually(
      () => {
        change();
        return at.counters("bgp")?.keepalivesReceived ?? 0;
      },
      (count) => count >= (before?.keepalivesReceived ?? 0) + 18,
      { what: "the session does not outlive its hold time" },
    );
    at.say({ withdraw: MANY.slice(1) });
    expect(at.counters("bgp")?.pendingPrefixes).toBeGreaterThan(1_000);
    // What a kernel takes, and not a table for each change.
    expect((at.counters("bgp")?.bytesSent ?? 0) - (before?.bytesSent ?? 0)).toBeLessThan(250_000);
    process.kill(peer.pid, "SIGUSR2");
    await says(`{"connections":1,"count":2,"first":"${ONE}","last":"${MANY[0]}"}`, "the peer has not the last word");
    expect(at.reports("bgp").slice(reports)).toEqual([]);
    // A goodbye that cannot be said does not hold the end up.
    process.kill(peer.pid, "SIGUSR2");
    at.say({ announce: MANY });
    const asked = performance.now();
    await at.stopSpeaker("goodbye");
    expect(performance.now() - asked).toBeLessThan(4_000);
  });
});
