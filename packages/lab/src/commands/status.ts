import { type LabView, type NodeView, type PoolView, refusals, type ServiceView } from "metallb/web";

/** The state of a lab, as lines without colours. */
export function drawStatus(view: LabView): readonly string[] {
  return [
    `Lab ${view.name}: ${view.kubernetes} Kubernetes, network ${view.network}, router ${view.router.title}`,
    `  KUBECONFIG=${view.kubeconfig}`,
    `  dashboard ${view.dashboard}`,
    ...view.problems.map((problem) => `  ! ${problem}`),
    "",
    ...table(["NODE", "ADDRESS", "CABLE", "SESSION", "SPEAKER"], view.nodes.map(nodeRow)),
    "",
    ...table(
      ["ROUTE", "SERVICE", "NEXT HOPS"],
      view.routes.map((route) => [
        route.prefix,
        route.services.join(","),
        route.via.map((hop) => `${hop.node} (${hop.nextHop})`).join(", "),
      ]),
    ),
    "",
    ...table(["SERVICE", "ADDRESS", "POOL", "ANNOUNCED"], view.services.map(serviceRow)),
    "",
    ...table(["POOL", "ADDRESSES", "USED", "FREE"], view.pools.map(poolRow)),
  ];
}

const nodeRow = (node: NodeView): readonly string[] => [
  node.name,
  node.address,
  node.cut ? "cut" : "whole",
  sessionText(node),
  speakerText(node),
];

function sessionText({ session }: NodeView): string {
  if (session.established) return "Established";
  return `${session.router}${session.reason === "" ? "" : ` (${session.reason})`}`;
}

function speakerText({ speaker }: NodeView): string {
  const restarts = speaker.restarts === 0 ? "" : `, restarted ${speaker.restarts}× (${speaker.lastEnding})`;
  return speaker.running ? `process ${speaker.pid}${restarts}` : `not running (${speaker.lastEnding})`;
}

function serviceRow(service: ServiceView): readonly string[] {
  if (service.addresses.length === 0) {
    return [service.key, "pending", "", service.pending];
  }
  const from = service.announcements.filter((announcement) => announcement.announced);
  const reasons = refusals(service.announcements).map(({ nodes, reason }) => `${nodes.join(", ")}: ${reason}`);
  const announced = from.length === 0 ? "nowhere" : from.map((announcement) => announcement.node).join(", ");
  return [service.key, service.addresses.join(","), service.pool, [announced, ...reasons].join("; ")];
}

const poolRow = (pool: PoolView): readonly string[] => [
  pool.name,
  pool.addresses.join(","),
  pool.used ?? "?",
  pool.free ?? "?",
];

/** Columns two blanks apart, each as wide as its widest cell. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  if (rows.length === 0) return [`${head[0]}: none`];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
