import { type ClusterFacts, clusterView, ownPods } from "#explain";
import { readSpeakerState } from "#view";
import type { ClusterCommand } from "./cluster-command.ts";
import { DONE } from "./exit-codes.ts";
import { fieldsOf, textOf } from "./json.ts";
import { drawTable, type Shown } from "./output.ts";

interface Owner {
  readonly service: string;
  readonly addresses: readonly string[];
  readonly node: string;
  readonly interfaces: readonly string[];
}

/** Who answers ARP and NDP for which address: what the speakers say, and what their status objects do. */
function owners(facts: ClusterFacts): readonly Owner[] {
  const addresses = new Map(clusterView(facts).services.map((service) => [service.key, service.addresses]));
  const found = new Map<string, Owner>();
  for (const { name, node } of ownPods(facts.objects.pods ?? [])) {
    for (const [service, verdict] of readSpeakerState(facts.states.get(name)).verdicts) {
      if (!verdict.by.includes("layer 2")) continue;
      found.set(`${service} ${node}`, { service, addresses: addresses.get(service) ?? [], node, interfaces: [] });
    }
  }
  for (const object of facts.objects.servicel2statuses ?? []) {
    const { node, serviceName, serviceNamespace, interfaces } = fieldsOf(fieldsOf(object).status);
    const service = `${textOf(serviceNamespace)}/${textOf(serviceName)}`;
    const names = (Array.isArray(interfaces) ? interfaces : []).map((each) => textOf(fieldsOf(each).name));
    const owner = { service, addresses: addresses.get(service) ?? [], node: textOf(node), interfaces: names };
    found.set(`${service} ${textOf(node)}`, owner);
  }
  return [...found.values()].toSorted((a, b) => (a.service < b.service ? -1 : 1));
}

const show = (facts: ClusterFacts): Shown => {
  const data = owners(facts);
  const rows = data.map(({ service, addresses, node, interfaces }) => [
    service,
    addresses.join(","),
    node,
    interfaces.join(",") || "all",
  ]);
  return {
    data,
    lines: () => drawTable({ head: ["SERVICE", "ADDRESS", "OWNER", "INTERFACES"], rows }),
    exitCode: DONE,
  };
};

export const L2_COMMAND: ClusterCommand = {
  grammar: "l2",
  description: "owners at layer 2: which node answers ARP and NDP for which address",
  kinds: ["services", "pods", "nodes", "servicel2statuses"],
  states: true,
  show,
};
