import { createNeighborEngine } from "metallb/neighbor";
import { ip, parseMac } from "metallb/net";
import { missing } from "../test/support/probes.ts";
import { gossipCost } from "./gossip-cost.ts";
import { answersOnLan } from "./layer2-answers.ts";
import { failovers } from "./layer2-failover.ts";
import type { Benchmark, Row } from "./report.ts";

const FRAMES = 200_000;

/**
 * Goals 9 and 13: how soon an address goes on at another node, how long an ARP answer takes and how many there are,
 * with few addresses and with many; and what gossip costs.
 */
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
  return [...rows, ...(await answersOnLan(say)), ...(await failovers(say)), ...(await gossipCost(say))];
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
