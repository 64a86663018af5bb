import { failoverText, type LabView, type OwnerView, type PoolView } from "#view";
import { type Column, DataTable } from "./table.tsx";

const POOLS: readonly Column<PoolView>[] = [
  {
    title: "Pool",
    text: ({ name }) => name,
    cell: ({ name, autoAssign }) => (
      <>
        {name} {autoAssign ? null : <span class="chip">on request only</span>}
      </>
    ),
  },
  {
    title: "Addresses",
    class: "mono",
    text: ({ addresses }) => addresses.join(" "),
    cell: ({ addresses }) => addresses.join(", "),
  },
  { title: "Given out", class: "number", text: ({ used }) => used ?? "", cell: ({ used }) => used ?? "–" },
  { title: "Free", class: "number", text: ({ free }) => free ?? "", cell: ({ free }) => free ?? "–" },
  { title: "Fill", text: ({ used, free }) => String(fillOf(used, free) ?? ""), cell: (pool) => <Fill pool={pool} /> },
];

export function PoolsTable({ pools, none }: { readonly pools: readonly PoolView[]; readonly none: string }) {
  return <DataTable label="Address pools" columns={POOLS} rows={pools} keyOf={({ name }) => name} none={none} />;
}

/** From 0 to 1; null while nobody has said. Counts are texts, since IPv6 pools are larger than numbers. */
function fillOf(used: string | null, free: string | null): number | null {
  if (used === null || free === null) return null;
  const all = Number(used) + Number(free);
  return all > 0 ? Number(used) / all : 1;
}

function Fill({ pool: { name, used, free } }: { readonly pool: PoolView }) {
  const fill = fillOf(used, free);
  if (fill === null) return <>–</>;
  return (
    <meter
      min={0}
      max={1}
      high={0.9}
      optimum={0}
      value={fill}
      aria-label={`${name} is ${Math.round(fill * 100)} % full`}
    />
  );
}

type Route = LabView["routes"][number];

const ROUTES: readonly Column<Route>[] = [
  { title: "Prefix", class: "mono", text: ({ prefix }) => prefix, cell: ({ prefix }) => prefix },
  { title: "Service", text: ({ services }) => services.join(" "), cell: ({ services }) => services.join(", ") },
  {
    title: "Next hops",
    text: ({ via }) => via.map(({ node, nextHop }) => `${node} ${nextHop}`).join(" "),
    cell: ({ via }) =>
      via.map((hop) => (
        <span class="chip good" title={hop.nextHop} key={hop.node + hop.nextHop}>
          {hop.node} <span class="mono">{hop.nextHop}</span>
        </span>
      )),
  },
];

export function RoutesTable({ routes }: { readonly routes: readonly Route[] }) {
  return (
    <DataTable
      label="Routes at the router"
      columns={ROUTES}
      rows={routes}
      keyOf={({ prefix }) => prefix}
      none="The router has learned no route yet."
    />
  );
}

const OWNERS: readonly Column<OwnerView>[] = [
  { title: "Service", text: ({ service }) => service, cell: ({ service }) => service },
  { title: "Address", class: "mono", text: ({ address }) => address, cell: ({ address }) => address },
  { title: "Owner", text: ({ node }) => node, cell: ({ node }) => node },
  {
    title: "Interfaces",
    text: ({ interfaces }) => interfaces.join(" "),
    cell: ({ interfaces }) => interfaces.join(", ") || "all",
  },
  {
    title: "Last failover",
    text: ({ failover }) => failoverText(failover, Date.now()),
    cell: ({ failover }) => failoverText(failover, Date.now()) || "–",
  },
];

export function OwnersTable({ owners }: { readonly owners: readonly OwnerView[] }) {
  return (
    <DataTable
      label="Owners at layer 2"
      columns={OWNERS}
      rows={owners}
      keyOf={({ address, node }) => `${address} ${node}`}
      isTimed
      none="No address is announced by layer 2."
    />
  );
}
