import type { ComponentChildren } from "preact";
import type { LabView, PoolView } from "../view.ts";
import { NodesTable } from "./nodes.tsx";
import { ServicesTable } from "./services.tsx";
import { live, view } from "./state.ts";
import { Topology } from "./topology.tsx";

export function Page() {
  const lab = view.value;
  if (lab === null) return <p class="waiting">Waiting for the lab …</p>;
  return (
    <>
      <Header lab={lab} />
      <Section title="Network">
        <Topology lab={lab} />
      </Section>
      <Section title="Services" count={lab.services.length}>
        <ServicesTable services={lab.services} nodes={lab.nodes.length} />
      </Section>
      <Section title="Routes at the router" count={lab.routes.length}>
        <RoutesTable lab={lab} />
      </Section>
      <Section title="Nodes and BGP sessions" count={lab.nodes.length}>
        <NodesTable nodes={lab.nodes} />
      </Section>
      <Section title="Address pools" count={lab.pools.length}>
        <PoolsTable pools={lab.pools} />
      </Section>
      <Footer lab={lab} />
    </>
  );
}

function Header({ lab }: { readonly lab: LabView }) {
  const up = lab.nodes.filter((node) => node.session.established).length;
  const served = lab.services.filter((service) => service.addresses.length > 0).length;
  return (
    <header>
      <h1>
        MetalLB <span>lab {lab.name}</span>
      </h1>
      <p class="sentence">
        {up} of {lab.nodes.length} BGP sessions established, {served} of {lab.services.length} Services with an address.
      </p>
      <p class={live.value ? "live" : "live lost"} role="status">
        {live.value ? "live" : "the lab has ended"}
      </p>
      {lab.problems.map((problem) => (
        <p class="problem" key={problem}>
          {problem}
        </p>
      ))}
    </header>
  );
}

interface SectionProps {
  readonly title: string;
  readonly count?: number;
  readonly children: ComponentChildren;
}

function Section({ title, count, children }: SectionProps) {
  return (
    <section>
      <h2>
        {title} {count === undefined ? null : <span class="count">{count}</span>}
      </h2>
      {children}
    </section>
  );
}

function RoutesTable({ lab }: { readonly lab: LabView }) {
  if (lab.routes.length === 0) return <p class="quiet">The router has learned no route yet.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th>Prefix</th>
          <th>Service</th>
          <th>Next hops</th>
        </tr>
      </thead>
      <tbody>
        {lab.routes.map((route) => (
          <tr key={route.prefix}>
            <td class="mono">{route.prefix}</td>
            <td>{route.services.join(", ")}</td>
            <td>
              {route.via.map((hop) => (
                <span class="chip good" title={hop.nextHop} key={hop.node + hop.nextHop}>
                  {hop.node} <span class="mono">{hop.nextHop}</span>
                </span>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PoolsTable({ pools }: { readonly pools: readonly PoolView[] }) {
  if (pools.length === 0) return <p class="quiet">No pool: no Service can get an address.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th>Pool</th>
          <th>Addresses</th>
          <th>Given out</th>
          <th>Free</th>
        </tr>
      </thead>
      <tbody>
        {pools.map((pool) => (
          <tr key={pool.name}>
            <td>
              {pool.name} {pool.autoAssign ? null : <span class="chip">on request only</span>}
            </td>
            <td class="mono">{pool.addresses.join(", ")}</td>
            <td class="number">{pool.used ?? "–"}</td>
            <td class="number">{pool.free ?? "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Footer({ lab }: { readonly lab: LabView }) {
  const node = lab.nodes[1]?.name ?? lab.nodes[0]?.name ?? "node-1";
  const name = lab.name === "default" ? "" : ` --name ${lab.name}`;
  return (
    <footer>
      <h2>Try</h2>
      <pre>
        {[
          `export KUBECONFIG=${lab.kubeconfig}`,
          "kubectl get services --all-namespaces --watch",
          `npx metallb lab cut ${node}${name}`,
          `npx metallb lab heal ${node}${name}`,
        ].join("\n")}
      </pre>
    </footer>
  );
}
