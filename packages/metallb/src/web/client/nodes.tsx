import type { NodeView } from "../view.ts";

export function NodesTable({ nodes }: { readonly nodes: readonly NodeView[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th>Node</th>
          <th>Address</th>
          <th>Session</th>
          <th>Prefixes sent</th>
          <th>Speaker</th>
        </tr>
      </thead>
      <tbody>
        {nodes.map((node) => (
          <tr key={node.name}>
            <td>
              {node.name} {node.cut ? <span class="chip bad">cut off</span> : null}
            </td>
            <td class="mono">{node.address}</td>
            <td>
              <span class={node.session.established ? "chip good" : "chip bad"}>
                {node.session.established ? "Established" : node.session.router || "down"}
              </span>
              {node.session.established || node.session.reason === "" ? null : (
                <span class="reason">{node.session.reason}</span>
              )}
            </td>
            <td class="number">{node.session.announcedPrefixes ?? "–"}</td>
            <td>
              {node.speaker.running ? `process ${node.speaker.pid}` : <span class="chip bad">not running</span>}
              {node.speaker.restarts === 0 ? null : (
                <span class="reason">
                  restarted {node.speaker.restarts}× ({node.speaker.lastEnding})
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
