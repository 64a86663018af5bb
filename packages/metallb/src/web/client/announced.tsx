import { useMemo } from "preact/hooks";
import type { View } from "#view";
import { hashOf } from "./state.ts";
import { type Column, DataTable } from "./table.tsx";

/** One address that a node announces. */
interface Announced {
  readonly node: string;
  readonly address: string;
  readonly service: string;
  readonly pool: string;
  /** Where it answers ARP and NDP for it; null: it does not. */
  readonly interfaces: readonly string[] | null;
}

const interfacesOf = ({ interfaces }: Announced): string =>
  interfaces === null ? "" : interfaces.join(", ") || "all interfaces";

const COLUMNS: readonly Column<Announced>[] = [
  {
    title: "Prefix",
    class: "mono",
    text: ({ node, address }) => `${address} ${node}`,
    cell: ({ address }) => `${address}/${address.includes(":") ? 128 : 32}`,
  },
  {
    title: "Service",
    text: ({ service }) => service,
    cell: ({ service }) => <a href={hashOf({ section: "services", query: service })}>{service}</a>,
  },
  { title: "Pool", class: "short", text: ({ pool }) => pool, cell: ({ pool }) => pool },
  { title: "Answers ARP and NDP on", text: interfacesOf, cell: (row) => interfacesOf(row) || "–" },
];

/** The node that the filter names; null: it names none, or more. */
export const chosenNode = (view: View, query: string): string | null =>
  view.nodes.find(({ name }) => name === query.trim())?.name ?? null;

/** Everything that one node announces. */
function announcedFrom({ services, layer2 }: View, node: string): readonly Announced[] {
  const owned = new Map(
    layer2.filter((owner) => owner.node === node).map((owner) => [owner.address, owner.interfaces]),
  );
  return services
    .filter((service) => service.announcedFrom.includes(node))
    .flatMap(({ key, addresses, pool }) =>
      addresses.map((address) => ({ node, address, service: key, pool, interfaces: owned.get(address) ?? null })),
    );
}

export function AnnouncedTable({ view, node }: { readonly view: View; readonly node: string }) {
  const rows = useMemo(() => announcedFrom(view, node), [view.services, view.layer2, node]);
  return (
    <DataTable
      label={`Announced from ${node}`}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ address, service }) => `${service} ${address}`}
      none={`${node} announces nothing.`}
    />
  );
}
