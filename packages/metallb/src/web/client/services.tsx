import { refusals } from "../announcements.ts";
import type { ServiceView } from "../view.ts";

interface ServicesProps {
  readonly services: readonly ServiceView[];
  /** How many nodes there are. */
  readonly nodes: number;
}

export function ServicesTable({ services, nodes }: ServicesProps) {
  if (services.length === 0) return <p class="quiet">No Service of type LoadBalancer.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th>Service</th>
          <th>Address</th>
          <th>Pool</th>
          <th>Announced from</th>
        </tr>
      </thead>
      <tbody>
        {services.map((service) => (
          <tr key={service.key}>
            <td>{service.key}</td>
            <td class="mono">
              {service.addresses.length > 0 ? service.addresses.join(", ") : <span class="chip wait">pending</span>}
            </td>
            <td>{service.pool}</td>
            <td>
              <Announcements service={service} nodes={nodes} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Announcements({ service, nodes }: { readonly service: ServiceView; readonly nodes: number }) {
  if (service.addresses.length === 0) return <span class="reason">{service.pending || "waiting"}</span>;
  const from = service.announcements.filter((announcement) => announcement.announced);
  return (
    <>
      <span class={from.length > 0 ? "chip good" : "chip bad"}>
        {from.length} of {nodes} nodes
      </span>
      {refusals(service.announcements).map(({ nodes: not, reason }) => (
        <span class="reason" key={reason}>
          {not.join(", ")}: {reason}
        </span>
      ))}
    </>
  );
}
