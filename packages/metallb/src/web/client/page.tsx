import type { ComponentChildren } from "preact";
import { isUnread, type LabView, problemText, type View } from "#view";
import { AnnouncedTable, chosenNode } from "./announced.tsx";
import { NodesTable, Process } from "./nodes.tsx";
import { OwnersTable, PoolsTable, RoutesTable } from "./pools.tsx";
import { ServicesTable } from "./services.tsx";
import { changes, hashOf, live, query, section, view } from "./state.ts";
import { Topology } from "./topology.tsx";

/** What a list says that has no rows: that there are none, or that nobody could look. */
const noneOf = (now: View, kind: string, none: string): string =>
  isUnread(now, kind) ? "This could not be read: see above." : none;

export function Page() {
  const now = view.value;
  if (now === null) return <p class="waiting">{live.value ? "Waiting for the first look …" : "Connecting …"}</p>;
  const node = chosenNode(now, query.value);
  return (
    <>
      <Header view={now} />
      <Search />
      {node === null ? null : (
        <Section title={`Announced from ${node}`} id="announced">
          <AnnouncedTable view={now} node={node} />
        </Section>
      )}
      {now.kind === "lab" && now.nodes.length <= 20 ? (
        <Section title="Network">
          <Topology lab={now} />
        </Section>
      ) : null}
      <Section title="Services" count={isUnread(now, "services") ? "?" : now.services.length}>
        <ServicesTable
          services={now.services}
          nodes={now.nodes.length}
          none={noneOf(now, "services", "No Service of type LoadBalancer.")}
        />
      </Section>
      {now.kind === "lab" ? (
        <Section title="Routes at the router" count={now.routes.length}>
          <RoutesTable routes={now.routes} />
        </Section>
      ) : null}
      <Section title="Nodes and BGP sessions" count={isUnread(now, "pods") ? "?" : now.nodes.length}>
        <NodesTable nodes={now.nodes} none={noneOf(now, "pods", "No node runs a speaker.")} />
      </Section>
      {now.layer2.length === 0 ? null : (
        <Section title="Owners at layer 2" count={now.layer2.length}>
          <OwnersTable owners={now.layer2} />
        </Section>
      )}
      <Section title="Address pools" count={isUnread(now, "ipaddresspools") ? "?" : now.pools.length}>
        <PoolsTable pools={now.pools} none={noneOf(now, "ipaddresspools", "No pool: no Service can get an address.")} />
      </Section>
      <Timeline />
      {now.kind === "lab" ? <Footer lab={now} /> : null}
    </>
  );
}

function Header({ view: now }: { readonly view: View }) {
  const sessions = now.nodes.flatMap((node) => node.sessions);
  const up = sessions.filter((session) => session.established).length;
  const ours = now.services.filter((service) => service.foreign === "");
  const served = ours.filter((service) => service.addresses.length > 0).length;
  const ended = now.kind === "lab" ? "the lab has ended" : "the command that serves this page has ended";
  return (
    <header>
      <h1>
        MetalLB <span>{now.kind === "lab" ? `lab ${now.name}` : now.server}</span>
      </h1>
      <p class="sentence">
        {isUnread(now, "pods")
          ? "BGP sessions could not be read."
          : `${up} of ${sessions.length} BGP sessions established,`}{" "}
        {isUnread(now, "services")
          ? "Services could not be read."
          : `${served} of ${ours.length} Services with an address.`}
      </p>
      <p class="sentence">
        Controller: {isUnread(now, "pods") ? "could not be read." : <Process process={now.controller} />}
        {now.controller.leading === false ? " (stands by)" : ""}
      </p>
      <p class={live.value ? "live" : "live lost"} role="status">
        {live.value ? "live" : ended}
      </p>
      {now.kind === "cluster"
        ? now.notes.map((note) => (
            <p class="sentence" key={note}>
              {note}
            </p>
          ))
        : null}
      {[...now.problems, ...now.configuration.map(problemText)].map((problem) => (
        <p class="problem" role="alert" key={problem}>
          {problem}
        </p>
      ))}
    </header>
  );
}

function Search() {
  return (
    <input
      type="search"
      class="search"
      aria-label="Filter all tables"
      placeholder="Filter all tables: a name, an address, a reason …"
      value={query.value}
      onInput={(event) => {
        query.value = event.currentTarget.value;
      }}
    />
  );
}

/** What changed since the page was opened. */
function Timeline() {
  if (changes.value.length === 0) return null;
  return (
    <Section title="What changed" count={changes.value.length}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (WCAG 2.1.1) */}
      <ol class="timeline" tabIndex={0} aria-label="What changed, newest first">
        {changes.value.map(({ at, text }, index) => (
          <li key={`${at} ${changes.value.length - index}`}>
            <time dateTime={new Date(at).toISOString()}>{new Date(at).toLocaleTimeString()}</time> {text}
          </li>
        ))}
      </ol>
    </Section>
  );
}

interface SectionProps {
  readonly title: string;
  readonly count?: number | "?";
  /** What a link leads to; absent: made of the title. */
  readonly id?: string;
  readonly children: ComponentChildren;
}

function Section({ title, count, id = anchorOf(title), children }: SectionProps) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <h2 id={`${id}-title`}>
        <a
          href={hashOf({ section: id, query: query.value })}
          onClick={() => {
            section.value = id;
          }}
        >
          {title}
        </a>{" "}
        {count === undefined ? null : <span class="count">{count}</span>}
      </h2>
      {children}
    </section>
  );
}

const anchorOf = (title: string): string => title.toLowerCase().replaceAll(" ", "-");

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
          `${lab.command} cut ${node}${name}`,
          `${lab.command} heal ${node}${name}`,
        ].join("\n")}
      </pre>
    </footer>
  );
}
