import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { BACKEND_PORT, createNamespaceNetwork, type LabNetwork, type Place } from "@metallb-ts/lab/network";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { runIn } from "../support/programs.ts";
import { namespacesOf, ownNetwork } from "../support/traces.ts";

describeWith(["root", "namespaces"], "a network of namespaces", () => {
  let before: string;
  let network: LabNetwork;

  beforeAll(async () => {
    before = await ownNetwork();
    network = await createNamespaceNetwork({ nodes: 2 });
  });
  afterAll(() => network.close());

  const node = (index: number) => {
    const found = network.nodes[index];
    if (found?.pod == null) throw new Error(`no node ${index}`);
    return { ...found, pod: found.pod };
  };
  const get = (place: Place | null, address: string) =>
    runIn(place ?? network.router, "curl", "-sS", "--max-time", "1", `http://${address}/`);

  it("adds nothing to this machine's own namespace", async () => {
    expect(await ownNetwork()).toBe(before);
  });

  it("leads from node to pod to node in both families, with the asker's address", async () => {
    expect(await get(node(1), `${node(0).pod.address}:${BACKEND_PORT}`)).toBe(`hello from node-1 to 172.20.0.12\n`);
    expect(await get(node(1), `[${node(0).pod.address6}]:${BACKEND_PORT}`)).toBe(
      "hello from node-1 to fd00:172:20::12\n",
    );
  });

  it("leads a client through the router to what the router has a route for", async () => {
    await runIn(network.router, "ip", "route", "add", node(0).podCidr, "via", node(0).address);
    expect(await get(network.client, `${node(0).pod.address}:${BACKEND_PORT}`)).toBe(
      "hello from node-1 to 192.0.2.10\n",
    );
  });

  it("stops everything behind a cut cable, without telling the router's interface, until it is healed", async () => {
    await network.cut("node-1");
    await network.cut("node-1");
    expect(network.isCut("node-1")).toBe(true);
    await expect(get(network.client, `${node(0).pod.address}:${BACKEND_PORT}`)).rejects.toThrow();
    expect(await runIn(network.router, "ip", "-br", "link", "show", "eth0")).toContain("UP");
    await network.heal("node-1");
    expect(network.isCut("node-1")).toBe(false);
    expect(await get(network.client, `${node(0).pod.address}:${BACKEND_PORT}`)).toContain("node-1");
    await expect(network.cut("node-9")).rejects.toThrow("there is no node 'node-9': node-1, node-2");
  });

  it("lets nodes reach a server of this machine, also behind a cut cable, and this machine a server on a node", async () => {
    const server = createServer((_, response) => response.end("the API")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await network.publish(port);
    await network.cut("node-2");
    expect(await get(node(1), `127.0.0.1:${port}`)).toBe("the API");
    await network.heal("node-2");
    server.close();

    // What answers in the pod's namespace is not reached from the node's loopback.
    const reached = await network.reach("node-1", port);
    const response = await fetch(`http://127.0.0.1:${reached}/`).then(
      () => "answered",
      () => "nobody there",
    );
    expect(response).toBe("nobody there");
    expect(await network.reach("node-1", port)).toBe(reached);
  });

  it("stands beside another of the same addresses, and is gone without a trace when closed", async () => {
    const other = await createNamespaceNetwork({ nodes: 1 });
    expect(other.nodes[0]?.address).toBe(node(0).address);
    const count = namespacesOf(process.pid).length;
    await other.close();
    await other.close();
    expect(namespacesOf(process.pid).length).toBe(count - 5);
    expect(await get(node(1), `${node(0).pod.address}:${BACKEND_PORT}`)).toContain("node-1");
    await network.close();
    expect(namespacesOf(process.pid)).toEqual([]);
    expect(await ownNetwork()).toBe(before);
  });
});
