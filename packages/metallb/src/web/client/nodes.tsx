import { useMemo } from "preact/hooks";
import { bfdText, type NodeView, type ProcessView, type SessionView, spanText, timerText } from "#view";
import { hashOf } from "./state.ts";
import { type Column, DataTable } from "./table.tsx";

interface SessionRow {
  readonly node: NodeView;
  /** Null: the node has no session at all. */
  readonly session: SessionView | null;
}

const isDown = ({ node, session }: SessionRow): boolean => !node.speaker.running || session?.established === false;

const stateText = ({ session }: SessionRow): string => {
  if (session === null) return "no session";
  return session.established ? "Established" : session.speaker || session.router || "down";
};

const COLUMNS: readonly Column<SessionRow>[] = [
  {
    title: "Node",
    text: ({ node }) => `${node.name} ${node.address} ${node.cut ? "cut off" : ""}`,
    cell: ({ node }) => (
      <>
        <a href={hashOf({ section: "announced", query: node.name })} title={`what ${node.name} announces`}>
          {node.name}
        </a>{" "}
        <span class="quiet mono">{node.address}</span> {node.cut ? <span class="chip bad">cut off</span> : null}
      </>
    ),
  },
  {
    title: "Peer",
    class: "short",
    text: ({ session }) => session?.peer ?? "",
    cell: ({ session }) => session?.peer ?? "–",
  },
  {
    title: "Session",
    class: "reasons",
    text: (row) =>
      [
        stateText(row),
        row.session?.reason,
        row.session === null ? "" : timerText(row.session, Date.now()),
        bfdText(row.session?.bfd ?? null),
        ...(row.session?.shortcomings ?? []),
      ].join(" "),
    cell: (row) => <Session row={row} />,
  },
  {
    title: "Prefixes sent",
    class: "number",
    text: ({ session }) => String(session?.announcedPrefixes ?? ""),
    cell: ({ session }) => session?.announcedPrefixes ?? "–",
  },
  {
    title: "Speaker",
    text: ({ node }) => `${node.speaker.title} ${node.speaker.lastEnding}`,
    cell: ({ node }) => <Process process={node.speaker} />,
  },
];

export function NodesTable({ nodes, none }: { readonly nodes: readonly NodeView[]; readonly none: string }) {
  const rows = useMemo(
    () =>
      nodes.flatMap((node): readonly SessionRow[] =>
        node.sessions.length === 0 ? [{ node, session: null }] : node.sessions.map((session) => ({ node, session })),
      ),
    [nodes],
  );
  return (
    <DataTable
      label="Nodes and BGP sessions"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ node, session }) => `${node.name}/${session?.peer ?? ""}`}
      isTrouble={isDown}
      isTimed
      none={none}
    />
  );
}

function Session({ row }: { readonly row: SessionRow }) {
  const { session } = row;
  const since = session?.since ?? null;
  const timer = session === null ? "" : timerText(session, Date.now());
  const bfd = bfdText(session?.bfd ?? null);
  return (
    <>
      <span class={session?.established ? "chip good" : session === null ? "chip" : "chip bad"}>{stateText(row)}</span>
      {since === null ? null : <span class="quiet">{spanText(Date.now() - since)}</span>}
      {timer === "" ? null : <span class="reason">{timer}</span>}
      {bfd === "" ? null : <span class={session?.bfd?.state === "Up" ? "quiet" : "reason"}>BFD {bfd}</span>}
      {session === null || session.established || session.reason === "" ? null : (
        <span class="reason">{session.reason}</span>
      )}
      {session?.shortcomings.map((text) => (
        <span class="reason" key={text}>
          {text}
        </span>
      ))}
    </>
  );
}

export function Process({ process }: { readonly process: ProcessView }) {
  return (
    <>
      {process.running ? process.title : <span class="chip bad">not running</span>}
      {process.lastEnding === "" ? null : (
        <span class="reason">
          {process.restarts === 0 ? process.lastEnding : `restarted ${process.restarts}× (${process.lastEnding})`}
        </span>
      )}
    </>
  );
}
