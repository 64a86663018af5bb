import { findProgram, run } from "#base";
import type { Forward } from "#kubernetes";
import type { NodePlace } from "#network";

/**
 * What kube-proxy would do, for the Services' external addresses only: nft rules in each node's
 * place that send a new connection to one of the endpoints by lot. The whole table at once, so a
 * connection never meets half of it.
 */
export class Forwarding {
  private readonly nodes: readonly NodePlace[];
  private readonly applied = new Map<string, string>();

  constructor(nodes: readonly NodePlace[]) {
    this.nodes = nodes;
  }

  /** Makes the nodes forward exactly these. Touches only nodes for which that differs. */
  async apply(forwards: readonly Forward[]): Promise<void> {
    const nft = findProgram("nft");
    if (nft === null) throw new Error("the program 'nft' is missing: on Debian, 'apt-get install nftables'");
    await Promise.all(
      this.nodes.map(async (node) => {
        const rules = forwardingRules(node.name, forwards);
        if (this.applied.get(node.name) === rules) return;
        await run(node.command([nft, "-f", "-"]), { input: rules });
        this.applied.set(node.name, rules);
      }),
    );
  }
}

const TABLE = "metallb-lab";

/** The rules of one node, as nft reads them. */
export function forwardingRules(node: string, forwards: readonly Forward[]): string {
  const families = [
    ["ip", (address: string) => !address.includes(":")],
    ["ip6", (address: string) => address.includes(":")],
  ] as const;
  const tables = families.map(([family, belongs]) => {
    const rules = forwards.filter(({ address }) => belongs(address)).flatMap((forward) => rule(family, node, forward));
    const snat = rules.some((text) => text.includes(MARK)) ? [`meta mark & ${MARK} == ${MARK} masquerade`] : [];
    return `table ${family} ${TABLE} {
}
delete table ${family} ${TABLE}
table ${family} ${TABLE} {
  chain prerouting {
    type nat hook prerouting priority dstnat
${rules.map((text) => `    ${text}\n`).join("")}  }
  chain postrouting {
    type nat hook postrouting priority srcnat
${snat.map((text) => `    ${text}\n`).join("")}  }
}
`;
  });
  return tables.join("");
}

/** Set on connections whose answers must come back through this node; the bit that kube-proxy uses. */
const MARK = "0x4000";

function rule(family: "ip" | "ip6", node: string, forward: Forward): readonly string[] {
  const endpoints = forward.local ? forward.endpoints.filter((endpoint) => endpoint.node === node) : forward.endpoints;
  const match = `${family} daddr ${forward.address} ${forward.protocol} dport ${forward.port}`;
  if (endpoints.length === 0) return [];
  const mark = forward.local ? "" : `meta mark set meta mark | ${MARK} `;
  const entries = endpoints.map(({ address, port }, index) => `${index} : ${address} . ${port}`).join(", ");
  return [`${match} ${mark}dnat ${family} addr . port to numgen random mod ${endpoints.length} map { ${entries} }`];
}
