import { L2_NODE } from "#api";
import { RESOURCES } from "#kube";
import type { Connection } from "./connect.ts";

/** Milliseconds: how long a move may take, and how often it is looked for. */
const LIMIT = 5_000;
const PERIOD = 200;

/**
 * Places Services that have one address on a node, and gives whether it announces them all. The first by name goes
 * first, since it decides for those that share its address. `namespace`: where MetalLB runs.
 */
export async function place(
  { client }: Connection,
  namespace: string,
  services: readonly string[],
  node: string,
): Promise<boolean> {
  for (const key of services.toSorted()) {
    const [where = "", name = ""] = key.split("/");
    const patch = { metadata: { annotations: { [L2_NODE]: node } } };
    await client.patch(RESOURCES.services, { namespace: where, name }, "merge", patch);
  }
  const waiting = new Set(services);
  for (const deadline = performance.now() + LIMIT; performance.now() < deadline; ) {
    for (const key of waiting) if (await isAnnouncedBy(client, namespace, key, node)) waiting.delete(key);
    if (waiting.size === 0) return true;
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
  }
  return false;
}

async function isAnnouncedBy(
  client: Connection["client"],
  namespace: string,
  key: string,
  node: string,
): Promise<boolean> {
  const [where = "", name = ""] = key.split("/");
  const labelSelector = `metallb.io/service-namespace=${where},metallb.io/service-name=${name}`;
  const { items } = await client.list(RESOURCES.servicel2statuses, { namespace }, { labelSelector });
  const owners = (items ?? []).map((item) => (item as { status?: { node?: unknown } }).status?.node);
  return owners.length === 1 && owners[0] === node;
}
