import { afterEach, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { eventually, runWith } from "../support/programs.ts";
import { MatrixBench, ROUTER } from "./matrix/bench.ts";
import type { RunningRouter } from "./matrix/make.ts";
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
      const fell = at.reports("bgp").find(({ state, at: when }) => state === "Idle" && when > before);
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
