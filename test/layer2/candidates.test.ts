import { afterAll, beforeAll, expect, it } from "vitest";
import { metallbObject } from "../support/objects.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, runIn } from "../support/programs.ts";
import { Lan, VIP } from "./lan.ts";

interface StatusObject {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly node?: string; readonly interfaces?: readonly { readonly name: string }[] };
}

describeWith(["root", "namespaces", "bird", "kubectl"], "candidates on a LAN of three nodes", () => {
  let lan: Lan;

  beforeAll(async () => {
    lan = await Lan.open(3);
    await lan.startSpeakers();
    await lan.serve("web", [VIP]);
  });
  afterAll(() => lan?.close());

  const statuses = async (): Promise<readonly StatusObject[]> =>
    (
      JSON.parse(await lan.cluster.kubectl("get", "servicel2statuses", "-n", "metallb-system", "-o", "json")) as {
        items: StatusObject[];
      }
    ).items;
  const events = () =>
    lan.cluster.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason} {.message}{'\\n'}{end}");
  const advertise = (interfaces?: readonly string[]) =>
    lan.cluster.apply(
      metallbObject("L2Advertisement", "lan", { ipAddressPools: ["lan"], ...(interfaces ? { interfaces } : {}) }),
    );

  it("are those in the address's subnet: another announces, and the Service says who was left out and why", async () => {
    const owner = await lan.settled(VIP);
    const node = lan.cluster.node(owner);
    const own = node.address;
    const shell = (...commands: readonly string[]) => runIn(node, "sh", "-ec", commands.join("; "));
    // It reaches the others as before, by a route, and is in another subnet.
    await shell(
      `ip address add ${own}/32 dev eth0`,
      "ip address add 192.0.2.9/24 dev eth0",
      `ip address delete ${own}/24 dev eth0`,
      `ip route add 172.20.0.0/24 dev eth0 src ${own}`,
    );
    const others = lan.names.filter((name) => name !== owner);
    const next = await eventually(
      () => lan.owner(VIP),
      (name) => name !== owner,
      { what: "another node announces" },
    );
    expect(others).toContain(next);
    await eventually(
      events,
      (text) =>
        text.includes(`nodesLeftOut these nodes cannot announce it: node ${owner} has no interface in the subnet`),
      {
        what: "the event nodesLeftOut",
      },
    );
    await eventually(
      async () => (await lan.state(owner)).services["default/web"]?.layer2.reason,
      (reason) => reason === "outsideSubnet",
      { what: "the node itself says why" },
    );
    await shell("ip route delete 172.20.0.0/24 dev eth0", `ip address add ${own}/24 dev eth0`);
    await eventually(
      () => lan.owner(VIP),
      (name) => name === owner,
      { what: "it is elected again" },
    );
  });

  it("that have a named interface win; where none has it the elected one complains, and there is no status object", async () => {
    const owner = await lan.settled(VIP);
    await advertise(["lan7"]);
    await eventually(
      events,
      (text) =>
        text.includes(
          `announceFailed the interfaces specified by LB IP "${VIP}" doesn't exist in assigned node "${owner}" with protocol "layer2"`,
        ),
      { what: "the event announceFailed" },
    );
    await eventually(statuses, (all) => all.length === 0, { what: "no status object" });
    const other = lan.names.find((name) => name !== owner) ?? "";
    const node = lan.cluster.node(other);
    await runIn(node, "ip", "link", "add", "lan7", "type", "veth", "peer", "name", "lan7p");
    await runIn(node, "ip", "link", "set", "lan7p", "up");
    await runIn(node, "ip", "link", "set", "lan7", "up");
    await eventually(
      () => lan.owner(VIP),
      (name) => name === other,
      { what: "the node with the interface announces" },
    );
    await eventually(
      statuses,
      ([first, ...more]) =>
        more.length === 0 && first?.status?.node === other && first.status.interfaces?.[0]?.name === "lan7",
      { what: "one status object with the interface" },
    );
    await runIn(node, "ip", "link", "delete", "lan7");
    await advertise();
    await lan.settled(VIP);
  });

  it("restore a status object that somebody edits or deletes", async () => {
    const owner = await lan.settled(VIP);
    const [first] = await eventually(statuses, (all) => all.length === 1 && all[0]?.status?.node === owner, {
      what: "one status object",
    });
    const name = first?.metadata.name ?? "";
    const patch = JSON.stringify({ status: { interfaces: [{ name: "wrong" }] } });
    await lan.cluster.kubectl(
      ...[
        "patch",
        "servicel2status",
        name,
        "-n",
        "metallb-system",
        "--subresource=status",
        "--type=merge",
        "-p",
        patch,
      ],
    );
    await eventually(statuses, ([each]) => each?.status?.interfaces?.length === 0, { what: "it is restored" });
    await lan.cluster.kubectl("delete", "servicel2status", name, "-n", "metallb-system");
    await eventually(statuses, ([each]) => each !== undefined && each.metadata.name !== name, {
      what: "it is made anew",
    });
  });
});
