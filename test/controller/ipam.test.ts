import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RESOURCES } from "metallb/kube";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eventually, HERE, type Program, projectFile, startProgram } from "../support/programs.ts";
import { ControllerBench, ipsOf, NAMESPACE, pool } from "./bench.ts";
import { FakeNetbox } from "./netbox.ts";

const TOKEN = "metallb-shows-this";

/** The controller, the example adapter of examples/netbox-ipam, and an API of NetBox's shape behind it. */
describe("a pool of which an IPAM chooses the addresses", () => {
  let bench: ControllerBench;
  let folder: string;
  let netbox: FakeNetbox;
  let adapter: Program;
  let url: string;
  let controller: Program | null = null;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "metallb-ipam-"));
    bench = await ControllerBench.create("embedded");
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
  });
  afterAll(async () => {
    await bench?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    netbox = await FakeNetbox.open();
    await writeFile(join(folder, "netbox-token"), netbox.token);
    await writeFile(join(folder, "token"), `${TOKEN}\n`);
    adapter = await startProgram(HERE, [projectFile("bin/node"), projectFile("examples/netbox-ipam/server.ts")], {
      ...process.env,
      NETBOX_URL: netbox.url,
      NETBOX_TOKEN_FILE: join(folder, "netbox-token"),
      TOKEN_FILE: join(folder, "token"),
      LISTEN: "127.0.0.1:0",
    });
    const line = await eventually(
      () => /listening on (\S+)/.exec(adapter.output())?.[1] ?? "",
      (text) => text !== "",
      { what: "the adapter does not listen" },
    );
    url = `http://${line}`;
    await bench.createPool({
      ...pool("outside", ["192.0.2.0/28"]),
      metadata: { name: "outside", namespace: NAMESPACE, annotations: { "metallb.io/ipam": "42" } },
    });
  });
  afterEach(async () => {
    await controller?.stop("SIGKILL");
    controller = null;
    await adapter.stop("SIGKILL");
    await netbox.close();
    const { items = [] } = await bench.client.list(RESOURCES.services, { namespace: "default" });
    for (const { metadata, spec } of items as { metadata: { name: string }; spec: { type: string } }[])
      if (spec.type === "LoadBalancer") await bench.remove(metadata.name);
    const { items: pools = [] } = await bench.client.list(RESOURCES.ipaddresspools, { namespace: NAMESPACE });
    for (const { metadata } of pools as { metadata: { name: string } }[])
      await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: metadata.name });
    await bench.client
      .remove(RESOURCES.leases, { namespace: NAMESPACE, name: "metallb-controller" })
      .catch(() => undefined);
  });

  const start = async (...more: readonly string[]) => {
    controller = await bench.start(
      "--webhook-mode=disabled",
      `--ipam-url=${url}`,
      "--ipam-cluster=one",
      `--ipam-token-file=${join(folder, "token")}`,
      ...more,
    );
  };
  const held = (...addresses: readonly string[]) =>
    eventually(
      () => netbox.held(),
      (now) => now.join() === addresses.join(),
      { what: `NetBox does not have ${addresses.join() || "nothing"}` },
    );
  const condition = async (name: string): Promise<string> => {
    const { status } = await bench.get(name);
    const { conditions = [] } = status as { conditions?: { type: string; reason: string; message: string }[] };
    const found = conditions.find(({ type }) => type === "metallb.io/Allocated");
    return found ? `${found.reason} ${found.message}` : "";
  };
  const says = (name: string, pattern: RegExp) =>
    eventually(
      () => condition(name),
      (text) => pattern.test(text),
      { what: `${name} does not say ${pattern}` },
    );
  const annotate = (annotations: Readonly<Record<string, string | null>>) =>
    bench.client.patch(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "outside" }, "merge", {
      metadata: { annotations },
    });

  it("gives what NetBox gives, and gives it back when the Service is gone", async () => {
    netbox.occupy("192.0.2.1/29", "a router");
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.2");
    await bench.create("b", {}, { "metallb.io/loadBalancerIPs": "192.0.2.5" });
    await bench.served("b", "192.0.2.5");
    await held("192.0.2.2", "192.0.2.5");
    expect(netbox.addresses.map(({ description }) => description.split(" ")[1])).toEqual([
      "router",
      "default/a",
      "default/b",
    ]);
    await bench.create("c", {}, { "metallb.io/loadBalancerIPs": "192.0.2.1" });
    await says("c", /^ipamRefused .*NetBox has 192\.0\.2\.1 for a router/);
    await bench.remove("a");
    await held("192.0.2.5");
    // It moves: the old address is given back only when the Service does not show it any more.
    await bench.client.patch(RESOURCES.services, { namespace: "default", name: "b" }, "merge", {
      metadata: { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.6" } },
    });
    await bench.served("b", "192.0.2.6");
    await held("192.0.2.6");
    expect(controller?.output()).not.toContain(TOKEN);
  });

  describe("with a prefix of each family", () => {
    const BOTH = ["192.0.2.1", "2001:db8::1"];
    const DUAL = { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] };
    const SIX = { ipFamilies: ["IPv6"] };
    const dualPool = async (annotations: Readonly<Record<string, string>> = { "metallb.io/ipam": "42, 43" }) => {
      await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "outside" });
      await bench.createPool({
        ...pool("outside", ["192.0.2.0/28", "2001:db8::/120"]),
        metadata: { name: "outside", namespace: NAMESPACE, annotations },
      });
    };
    const edit = (name: string, spec: object) =>
      bench.client.patch(RESOURCES.services, { namespace: "default", name }, "merge", { spec });

    it("gives a Service both, each of its own, and gives back what it wants no longer", async () => {
      await dualPool();
      await start();
      await bench.create("a", DUAL);
      await bench.served("a", ...BOTH);
      await bench.create("b", SIX);
      await bench.served("b", "2001:db8::2");
      await held(...BOTH, "2001:db8::2");
      const asAsked = { "metallb.io/loadBalancerIPs": "2001:0DB8::3,192.0.2.5" };
      await bench.create("c", DUAL, asAsked);
      await bench.served("c", "192.0.2.5", "2001:db8::3");
      await edit("a", { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] });
      await bench.served("a", "192.0.2.1");
      await held("192.0.2.1", "192.0.2.5", "2001:db8::2", "2001:db8::3");
      await bench.remove("c");
      await bench.remove("b");
      await held("192.0.2.1");
    });

    it("serves who wants both when there is room in both, and who prefers both with what there is", async () => {
      netbox.occupy("2001:db8::1/126", "a router");
      netbox.occupy("2001:db8::2/126", "a printer");
      await dualPool();
      await start();
      await bench.create("six", SIX);
      await bench.served("six", "2001:db8::3");
      await bench.create("older", { ...DUAL, ipFamilyPolicy: "PreferDualStack" });
      await bench.served("older", "192.0.2.1");
      await bench.create("younger", DUAL);
      await says("younger", /^(exhausted|ipamRefused) .*no free address/);
      await bench.remove("six");
      await bench.served("older", "192.0.2.1", "2001:db8::3");
      netbox.vacate("2001:db8::2");
      await edit("older", { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"] });
      await bench.served("younger", "192.0.2.2", "2001:db8::2");
      await held("192.0.2.1", "192.0.2.2", "2001:db8::2");
    });

    it("tells NetBox of both that Services had before the pool got the annotation", async () => {
      await dualPool({});
      await start();
      await bench.create("a", DUAL);
      await bench.served("a", "192.0.2.0", "2001:db8::");
      await annotate({ "metallb.io/ipam": "42,43" });
      await held("192.0.2.0", "2001:db8::");
      await controller?.stop("SIGKILL");
      await start();
      await bench.create("b", DUAL);
      await bench.served("b", ...BOTH);
      await bench.served("a", "192.0.2.0", "2001:db8::");
      await held("192.0.2.0", "192.0.2.1", "2001:db8::", "2001:db8::1");
    });

    it("says where no prefix is of the family", async () => {
      await dualPool({ "metallb.io/ipam": "42" });
      await start();
      await bench.create("six", SIX);
      await says("six", /none of the prefixes 42 is of IPv6/);
    });
  });

  it("gives nothing back that is kept for a deleted Service, over a crash too", async () => {
    await annotate({ "metallb.io/keep-after-deletion": "1h" });
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.1");
    await bench.remove("a");
    const where = { namespace: NAMESPACE, name: "metallb-kept-addresses" };
    await eventually(
      async () => JSON.stringify((await bench.client.get(RESOURCES.configmaps, where)).data),
      (text) => text.includes("192.0.2.1"),
      { what: "it is not written down what is kept" },
    );
    await controller?.stop("SIGKILL");
    await start();
    await bench.create("b");
    await bench.served("b", "192.0.2.2");
    await held("192.0.2.1", "192.0.2.2");
    await bench.create("a");
    await bench.served("a", "192.0.2.1");
    await bench.remove("b");
    await held("192.0.2.1", "192.0.2.2");
    await bench.client.remove(RESOURCES.configmaps, where);
  });

  it("serves who waits, oldest first, as soon as there is room", async () => {
    await start();
    const names = ["s1", "s2", "s3", "s4", "s5", "s6"];
    for (const name of names) await bench.create(name);
    await held(...names.map((_, i) => `192.0.2.${i + 1}`));
    await bench.create("t1");
    await says("t1", /^exhausted .*the prefix has no free address/);
    await bench.create("t2");
    await says("t2", /^exhausted .*the prefix has no free address/);
    // Questions are asked at once, so any of the six may have any address.
    const [freed = ""] = ipsOf(await bench.get("s3"));
    await bench.remove("s3");
    await bench.served("t1", freed);
    expect(ipsOf(await bench.get("t2"))).toEqual([]);
    // With another pool that has room, nobody waits for the IPAM that said no.
    await bench.createPool(pool("own", ["198.51.100.0/30"]));
    await bench.served("t2", "198.51.100.0");
  });

  it("releases nothing while NetBox is away, says so, and makes up for it afterwards, over a restart too", async () => {
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.1");
    await bench.create("b");
    await bench.served("b", "192.0.2.2");
    netbox.down = true;
    await bench.create("waits");
    await says("waits", /^ipamAway waiting for the IPAM .* pool outside: 503 NetBox does not answer/);
    await bench.remove("a");
    // A wish that the IPAM has to grant takes nothing away either.
    await bench.client.patch(RESOURCES.services, { namespace: "default", name: "b" }, "merge", {
      metadata: { annotations: { "metallb.io/loadBalancerIPs": "192.0.2.5" } },
    });
    await says("b", /^ipamAway/);
    expect(ipsOf(await bench.get("b"))).toEqual(["192.0.2.2"]);
    expect(netbox.held()).toEqual(["192.0.2.1", "192.0.2.2"]);
    await controller?.stop("SIGKILL");
    await start();
    await eventually(
      () => controller?.output() ?? "",
      (text) => text.includes("the IPAM does not answer"),
      { what: "it does not say that the IPAM is away" },
    );
    expect(ipsOf(await bench.get("b"))).toEqual(["192.0.2.2"]);
    expect(netbox.held()).toEqual(["192.0.2.1", "192.0.2.2"]);
    netbox.down = false;
    await bench.served("b", "192.0.2.5");
    await eventually(
      async () => ipsOf(await bench.get("waits")).length,
      (count) => count === 1,
      { what: "who waited is not served" },
    );
    const [waits = ""] = ipsOf(await bench.get("waits"));
    await held(...[waits, "192.0.2.5"].sort());
  }, 120_000);

  it("tells NetBox of what Services have already, and moves nothing", async () => {
    await annotate({ "metallb.io/ipam": null });
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.0");
    await bench.create("b");
    await bench.served("b", "192.0.2.1");
    await controller?.stop("SIGKILL");
    // Somebody in NetBox has one of them; and NetBox keeps one for a Service that is gone.
    netbox.occupy("192.0.2.1/29", "somebody's host");
    await annotate({ "metallb.io/ipam": "42" });
    await start();
    await eventually(
      () => netbox.held(),
      (now) => now.join() === "192.0.2.0",
      { what: "NetBox does not know of what a Service has" },
    );
    await says("b", /^ipamDenied .*192\.0\.2\.1 .*NetBox has 192\.0\.2\.1 for somebody's host/);
    expect(ipsOf(await bench.get("a"))).toEqual(["192.0.2.0"]);
    expect(ipsOf(await bench.get("b"))).toEqual(["192.0.2.1"]);
  });

  it("gives back what was allocated for a Service that is gone, or never came to have it", async () => {
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.1");
    await controller?.stop("SIGKILL");
    const [address] = netbox.addresses;
    netbox.addresses.push({
      ...(address as (typeof netbox.addresses)[0]),
      id: 99,
      address: "192.0.2.4/29",
      description: "0-0 default/gone",
    });
    netbox.addresses.push({ ...(address as (typeof netbox.addresses)[0]), id: 98, address: "192.0.2.6/29" });
    await start();
    await held("192.0.2.1");
    expect(ipsOf(await bench.get("a"))).toEqual(["192.0.2.1"]);
  });

  it("refuses an answer that is not of the pool, or that another Service holds", async () => {
    await start();
    netbox.lies.push("203.0.113.9");
    await bench.create("a");
    await says("a", /^exhausted .*it answered 203\.0\.113\.9, which is no IPv4 address of the pool/);
    expect(ipsOf(await bench.get("a"))).toEqual([]);
    await held();
    await bench.create("b");
    await bench.served("b", "192.0.2.1");
    netbox.lies.push("192.0.2.1");
    await bench.create("c");
    await says("c", /^exhausted .*it answered 192\.0\.2\.1, which default\/b holds/);
    expect(ipsOf(await bench.get("b"))).toEqual(["192.0.2.1"]);
  });

  it("is told by the IPAM that its token is wrong, and never tells the token", async () => {
    await writeFile(join(folder, "token"), "another-secret");
    await start();
    await bench.create("a");
    await says("a", /^ipamAway .*401 wrong or missing bearer token/);
    expect(controller?.output()).not.toContain("another-secret");
    await writeFile(join(folder, "token"), TOKEN);
    await bench.served("a", "192.0.2.1");
  });

  it("gives nothing of such a pool where no IPAM is named, and keeps what it gave", async () => {
    await start();
    await bench.create("a");
    await bench.served("a", "192.0.2.1");
    await controller?.stop();
    controller = await bench.start("--webhook-mode=disabled");
    await bench.create("b");
    await says("b", /^exhausted .*this controller was given none: see --ipam-url/);
    expect(ipsOf(await bench.get("a"))).toEqual(["192.0.2.1"]);
  });

  it("does not start with a URL and no name of the cluster", async () => {
    const program = await bench.start(`--ipam-url=${url}`);
    expect(
      await eventually(
        () => program.exitCode(),
        (code) => code !== null,
        { what: "it runs" },
      ),
    ).toBe(1);
    expect(program.output()).toContain("--ipam-url needs --ipam-cluster");
  });
});
