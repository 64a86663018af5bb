import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { LabHouse } from "./support.ts";

describeWith(["root", "namespaces", "bird", "iptables"], "a lab with layer 2", () => {
  let house: LabHouse;

  beforeAll(async () => {
    house = await LabHouse.open();
    await house.start("--mode", "layer2", "--network", "namespaces", "--router", "bird");
  });

  afterAll(async () => {
    await house.close();
    expect(await house.left()).toEqual([]);
  });

  const owner = async () => {
    const [view] = await house.status();
    return view?.layer2.find(({ service }) => service === "default/hello");
  };
  const answers = async (requests: number): Promise<number> => {
    const { address } = (await owner()) ?? { address: "" };
    const urls = Array.from({ length: requests }, () => `http://${address}/`);
    const { stdout } = await house.run("lab", "exec", "client", "curl", "--silent", "--max-time", "3", ...urls);
    return stdout.match(/node-\d+/g)?.length ?? 0;
  };

  it("answers the client through the one node that has the address", async () => {
    // The nodes may still be learning what to forward.
    const deadline = performance.now() + 30_000;
    while ((await answers(1)) === 0 && performance.now() < deadline);
    expect(await answers(20)).toBe(20);
  });

  it("goes on through another node when that one is cut off", async () => {
    const before = await owner();
    await house.run("lab", "cut", before?.node ?? "");
    await house.until("another node has the address", ({ layer2 }) =>
      layer2.some(({ service, node }) => service === "default/hello" && node !== before?.node),
    );
    await house.run("lab", "heal", before?.node ?? "");
    await house.until("one node has the address again", ({ layer2 }) => {
      const owners = layer2.filter(({ service }) => service === "default/hello");
      return owners.length === 1;
    });
    expect(await answers(10)).toBe(10);
  });
});
