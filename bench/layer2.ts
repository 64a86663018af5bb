import { createNamespaceNetwork } from "@metallb-ts/lab/network";
import { createNeighborEngine } from "metallb/neighbor";
import { ip, parseMac } from "metallb/net";
import { AnsweringNode } from "../test/layer2/answering-node.ts";
import { missing } from "../test/support/probes.ts";
import { projectFile, runIn } from "../test/support/programs.ts";
import type { Benchmark, Row } from "./report.ts";

const ROUNDS = 2_000;
const FRAMES = 200_000;

/** Goal 13: how long an ARP answer takes and how many there are, with few addresses and with many. */
export const layer2Benchmark: Benchmark = async (say) => {
  const rows: Row[] = [];
  for (const addresses of [10, 50_000]) {
    say(`answers of the engine alone, ${addresses} addresses`);
    rows.push({
      goal: 13,
      what: `ARP answers, the engine alone, ${addresses} addresses`,
      who: "metallb-ts",
      unit: "/s",
      samples: Array.from({ length: 10 }, () => answersPerSecond(addresses)),
      goalValue: 20_000,
      judged: "median",
      atLeast: true,
    });
  }
  if (missing("root") !== null || missing("namespaces") !== null) {
    say("no root: the answers on a LAN are left out");
    return rows;
  }
  return [...rows, ...(await onLan(say))];
};

function answersPerSecond(addresses: number): number {
  const mac = parseMac("02:00:00:00:00:01");
  if (!mac.ok) throw new Error(mac.error);
  const engine = createNeighborEngine({ answersPerSource: 1e9 });
  engine.step(
    { kind: "link-set", link: { index: 2, name: "eth0", mac: mac.value, usable: true, arp: true, linkLocal: null } },
    0,
  );
  for (let i = 0; i < addresses; i += 1) {
    const address = ip(4, BigInt(0x0a000000 + i));
    engine.step({ kind: "announce", holder: String(i), address, interfaces: null, claim: "at-once" }, 0);
  }
  const frame = Buffer.from(
    `ffffffffffff02000000009908060001080006040001020000000099c0000263${"0".repeat(12)}0a000000`,
    "hex",
  );
  const started = performance.now();
  for (let i = 0; i < FRAMES; i += 1) {
    frame.writeUInt32BE(0x0a000000 + ((i * 7919) % addresses), 38);
    engine.step({ kind: "received", link: 2, frame }, i);
  }
  return (FRAMES / (performance.now() - started)) * 1_000;
}

async function onLan(say: (line: string) => void): Promise<readonly Row[]> {
  const network = await createNamespaceNetwork({ nodes: 1 });
  const [node] = network.nodes;
  if (!node) throw new Error("no node");
  const answerer = new AnsweringNode(node);
  try {
    await answerer.until("eth0 is used", ({ link }) => link === "eth0");
    const vips = Array.from({ length: 50 }, (_, i) => `172.20.0.${100 + i}`);
    for (const vip of vips) await answerer.announce(vip, { holder: vip });
    const ask = async (...targets: readonly string[]): Promise<readonly number[]> => {
      const script = projectFile("bench/arp-asker.ts");
      const { address } = network.router;
      return JSON.parse(
        await runIn(network.router, process.execPath, script, address, String(ROUNDS), ...targets),
      ) as number[];
    };
    say("answers on a LAN");
    const common = { goal: 13, what: "ARP request to answer over a LAN", unit: "µs", judged: "p99" } as const;
    return [
      {
        ...common,
        who: "kernel",
        samples: await ask(node.address),
        goalValue: null,
        note: "the floor, with the asker's own cost",
      },
      { ...common, who: "metallb-ts", samples: await ask(...vips), goalValue: 300 },
    ];
  } finally {
    await answerer.stop();
    await network.close();
  }
}
