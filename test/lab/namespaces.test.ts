import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { LabHouse, waysToHello } from "./support.ts";

const MODES = [
  { parts: ["root", "namespaces", "bird", "iptables"], args: ["--router", "bird"] },
  { parts: ["root", "namespaces", "frr", "iptables"], args: ["--router", "frr"] },
  {
    parts: ["root", "namespaces", "bird", "iptables", "kubernetes"],
    args: ["--router", "bird", "--kubernetes", "real"],
  },
] as const;

for (const { parts, args } of MODES) {
  describeWith(parts, `a lab in network namespaces, ${args.join(" ")}`, () => {
    let house: LabHouse;

    beforeAll(async () => {
      house = await LabHouse.open();
      await house.start("--network", "namespaces", ...args);
    });

    afterAll(async () => {
      await house.close();
      expect(await house.left()).toEqual([]);
    });

    /** The nodes whose backends answered so many requests of the client; empty text for one that was lost. */
    async function answers(requests: number): Promise<readonly string[]> {
      const urls = Array.from({ length: requests }, () => "http://198.51.100.1/");
      const curl = ["curl", "--silent", "--max-time", "3", "--no-keepalive", "--header", "Connection: close"];
      const { stdout } = await house.run("lab", "exec", "client", ...curl, ...urls);
      return stdout.match(/node-\d+/g) ?? [];
    }

    it("answers the client through more than one node", async () => {
      // kube-proxy may still be reading.
      const deadline = performance.now() + 30_000;
      let got = await answers(1);
      while (got.length === 0 && performance.now() < deadline) got = await answers(1);
      const all = await answers(30);
      expect(all).toHaveLength(30);
      expect(new Set(all).size).toBeGreaterThan(1);
    });

    it("has ECMP routes in the router's kernel", async () => {
      const { stdout } = await house.run("lab", "exec", "router", "ip", "route", "show", "198.51.100.1");
      expect(stdout.match(/nexthop via 172\.20\.0\.1\d/g)).toHaveLength(3);
    });

    it("sends the traffic past a node that is cut off, and back", async () => {
      await house.run("lab", "cut", "node-2");
      await house.until("node-2 is gone", (view) => !waysToHello(view).includes("node-2"));
      const without = await answers(20);
      expect(without).toHaveLength(20);
      expect(without).not.toContain("node-2");
      await house.run("lab", "heal", "node-2");
      await house.until("node-2 is back", (view) => waysToHello(view).length === 3, 90_000);
      expect(await answers(20)).toHaveLength(20);
    });
  });
}
