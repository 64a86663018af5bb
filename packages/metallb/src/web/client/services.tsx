import { type ServiceView, serviceTroubles } from "#view";
import { hashOf } from "./state.ts";
import { type Column, DataTable } from "./table.tsx";

interface ServicesProps {
  readonly services: readonly ServiceView[];
  /** How many nodes there are. */
  readonly nodes: number;
  readonly none: string;
}

const isTrouble = (service: ServiceView): boolean => serviceTroubles(service).length > 0;

const columnsFor = (nodes: number): readonly Column<ServiceView>[] => [
  {
    title: "Service",
    text: ({ key }) => key,
    cell: ({ key }) => <a href={hashOf({ section: "services", query: key })}>{key}</a>,
  },
  {
    title: "Address",
    class: "mono",
    text: ({ addresses }) => addresses.join(" ") || "pending",
    cell: ({ addresses, foreign }) =>
      addresses.length > 0 ? addresses.join(", ") : foreign === "" ? <span class="chip wait">pending</span> : "–",
  },
  { title: "Pool", class: "short", text: ({ pool }) => pool, cell: ({ pool }) => pool },
  {
    title: "Announced from",
    class: "reasons",
    text: textOf,
    cell: (service) => <Announcements service={service} nodes={nodes} />,
  },
];

// One list each, so that a table knows that its columns are the same as before.
const columnsByNodes = new Map<number, readonly Column<ServiceView>[]>();

export function ServicesTable({ services, nodes, none }: ServicesProps) {
  const columns = columnsByNodes.get(nodes) ?? columnsFor(nodes);
  columnsByNodes.set(nodes, columns);
  return (
    <DataTable
      label="Services"
      columns={columns}
      rows={services}
      keyOf={({ key }) => key}
      isTrouble={isTrouble}
      none={none}
    />
  );
}

function textOf({ foreign, pending, refusedBy, announcedFrom, refusals }: ServiceView): string {
  const refused = refusedBy.map(({ pool, reason }) => `${pool}: ${reason}`);
  const silent = refusals.map(({ nodes, reason }) => `${nodes.join(", ")}: ${reason}`);
  return [foreign, pending, ...refused, announcedFrom.join(" "), ...silent].join(" ");
}

function Announcements({ service, nodes }: { readonly service: ServiceView; readonly nodes: number }) {
  const { foreign, addresses, announcedFrom, refusals, pending, refusedBy } = service;
  if (foreign !== "") {
    return (
      <>
        <span class="chip">not ours</span> <span class="reason">{foreign}</span>
      </>
    );
  }
  return (
    <>
      {addresses.length === 0 ? null : (
        <span class={announcedFrom.length > 0 ? "chip good" : "chip bad"} title={announcedFrom.join(", ")}>
          {announcedFrom.length} of {nodes} nodes
        </span>
      )}
      {pending === "" && addresses.length > 0 ? null : <span class="reason">{pending || "waiting"}</span>}
      {refusedBy.map(({ pool, reason }) => (
        <span class="reason" key={pool}>
          pool {pool}: {reason}
        </span>
      ))}
      {refusals.map(({ nodes: not, reason }) => (
        <span class="reason" key={reason}>
          {not.length > 3 ? `${not.slice(0, 3).join(", ")} and ${not.length - 3} more` : not.join(", ")}: {reason}
        </span>
      ))}
    </>
  );
}
