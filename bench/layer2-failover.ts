import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failover, Lan, VIP } from "../test/layer2/lan.ts";
import { installPackages } from "../test/support/machine.ts";
import { missing } from "../test/support/probes.ts";
import { eventually, type Program, projectFile, runIn, startProgram } from "../test/support/programs.ts";
import type { Row } from "./report.ts";

const ROUNDS = Number(process.env.METALLB_BENCH_ROUNDS ?? 3);
/** keepalived's own address. */
const VRRP = "172.20.0.210";
const PORT = 9_999;
const KEEPALIVED = "/usr/sbin/keepalived";

/**
 * Goal 9: a cable is cut, and a client that sends a thousand datagrams a second counts how long it hears of no other
 * node. keepalived runs on the same nodes, with VRRP version 3 at 100 ms.
 */
export async function failovers(say: (line: string) => void): Promise<readonly Row[]> {
  installPackages(["keepalived"], say);
  const absent =
    missing("bird") ?? missing("kubectl") ?? (existsSync(KEEPALIVED) ? null : "keepalived is not installed");
  if (absent !== null) {
    say(`failovers are left out: ${absent}`);
    return [];
  }
  const folder = await mkdtemp(join(tmpdir(), "metallb-bench-"));
  const lan = await Lan.open(3);
  const running: Program[] = [];
  try {
    await lan.startSpeakers();
    await lan.serve("web", [VIP]);
    for (const name of lan.names) running.push(...(await keepalived(lan, name, folder)));
    const [ours, peers]: [number[], number[]] = [[], []];
    for (let i = 1; i <= ROUNDS; i += 1) {
      say(`failover ${i} of ${ROUNDS}`);
      ours.push(await cut(lan, VIP, await lan.settled(VIP)));
      peers.push(await cut(lan, VRRP, await master(lan)));
    }
    const common = { goal: 9, what: "cable cut until another node answers", unit: "ms", judged: "median" } as const;
    const note = "VRRP version 3, advertisements every 100 ms";
    return [
      { ...common, who: "keepalived", samples: peers, goalValue: null, note },
      { ...common, who: "metallb-ts", samples: ours, goalValue: 350 },
    ];
  } finally {
    for (const program of running) await program.stop("SIGTERM");
    await lan.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function cut(lan: Lan, address: string, owner: string): Promise<number> {
  const traffic = await lan.during(address, () => lan.cluster.network.cut(owner));
  await lan.cluster.network.heal(owner);
  return failover(traffic, owner).took;
}

/** The one node that has keepalived's address on the LAN. */
async function master(lan: Lan): Promise<string> {
  const have = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const { name } of lan.cluster.network.nodes) {
      const text = await runIn(lan.cluster.node(name), "ip", "-4", "address", "show", "dev", "eth0");
      if (text.includes(VRRP)) found.push(name);
    }
    return found;
  };
  const [only = ""] = await eventually(have, (all) => all.length === 1, { what: "one master" });
  return only;
}

async function keepalived(lan: Lan, name: string, folder: string): Promise<readonly Program[]> {
  const node = lan.cluster.node(name);
  const others = lan.cluster.network.nodes.filter((other) => other.name !== name).map(({ address }) => address);
  const file = join(folder, `${name}.conf`);
  const priority = 200 - 20 * lan.names.indexOf(name);
  await writeFile(
    file,
    `global_defs { router_id ${name} }
vrrp_instance lan {
  state BACKUP
  interface eth0
  version 3
  virtual_router_id 51
  priority ${priority}
  advert_int 0.1
  unicast_src_ip ${node.address}
  unicast_peer { ${others.join(" ")} }
  virtual_ipaddress { ${VRRP}/24 dev eth0 }
}
`,
  );
  await runIn(node, "ip", "address", "add", `${VRRP}/32`, "dev", "lo");
  const echo = await startProgram(node, [
    process.execPath,
    projectFile("test/layer2/echo.ts"),
    VRRP,
    String(PORT),
    name,
  ]);
  const pids = ["-p", join(folder, `${name}.pid`), "-r", join(folder, `${name}-vrrp.pid`)];
  const daemon = await startProgram(node, [KEEPALIVED, "-n", "-l", "-P", "-f", file, ...pids]);
  return [echo, daemon];
}
