import { type Line, table, visible } from "metallb/terminal";
import {
  type LabView,
  type NodeView,
  type PoolView,
  type ProcessView,
  problemText,
  type ServiceView,
  type SessionView,
  spanText,
} from "metallb/view";

/** The state of a lab, as lines without colours. `now`: milliseconds since 1970. */
export function drawStatus(view: LabView, now: number): readonly Line[] {
  const { controller } = view;
  const problems = [...view.problems, ...view.configuration.map(problemText)];
  return [
    `Lab ${view.name}: ${view.kubernetes} Kubernetes, network ${view.network}, router ${view.router.title}`,
    { copy: `  KUBECONFIG=${visible(view.kubeconfig)}` },
    { copy: `  dashboard ${view.dashboard}` },
    `  controller ${processText(controller)}${controller.leading === false ? ", stands by" : ""}`,
    ...problems.map((problem) => `  ! ${visible(problem)}`),
    "",
    ...table(["NODE", "ADDRESS", "CABLE", "SPEAKER"], view.nodes.map(nodeRow)),
    "",
    ...table(
      ["SESSION OF", "PEER", "STATE", "SINCE", "PREFIXES", "WHY"],
      view.nodes.flatMap((node) => node.sessions.map((session) => sessionRow(node, session, now))),
    ),
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
    ...table(["SERVICE", "ADDRESS", "POOL", "ANNOUNCED"], view.services.flatMap(serviceRows)),
    "",
    ...table(["POOL", "ADDRESSES", "USED", "FREE"], view.pools.map(poolRow)),
  ];
}

const nodeRow = (node: NodeView): readonly string[] => [
  node.name,
  node.address,
  node.cut ? "cut" : "whole",
  processText(node.speaker),
];

function sessionRow(node: NodeView, session: SessionView, now: number): readonly string[] {
  const { established, router, speaker, since, announcedPrefixes, reason, timer } = session;
  const sides = router === "" || speaker === "" ? [router || speaker || "unknown"] : [speaker, `router: ${router}`];
  return [
    node.name,
    session.peer,
    established ? "Established" : sides.join(", "),
    since === null ? "" : `${spanText(now - since)} ago`,
    announcedPrefixes === null ? "" : String(announcedPrefixes),
    [established ? "" : reason, timer].filter((text) => text !== "").join("; "),
  ];
}

function processText({ running, title, restarts, lastEnding }: ProcessView): string {
  if (!running) return `not running (${lastEnding})`;
  return restarts === 0 ? title : `${title}, restarted ${restarts}× (${lastEnding})`;
}

/** One row, and one more for each pool that refused it. */
function serviceRows(service: ServiceView): readonly (readonly string[])[] {
  const { key, addresses, pool, pending, foreign, announcedFrom, refusals } = service;
  if (foreign !== "") return [[key, addresses.join(",") || "none", pool, `not ours: ${foreign}`]];
  const refused = service.refusedBy.map(({ pool: by, reason }) => ["", "", by, reason]);
  if (addresses.length === 0) return [[key, "pending", "", pending], ...refused];
  const reasons = refusals.map(({ nodes, reason }) => `${nodes.join(", ")}: ${reason}`);
  const announced = announcedFrom.length === 0 ? "nowhere" : announcedFrom.join(", ");
  return [
    [key, addresses.join(","), pool, [announced, ...reasons].join("; ")],
    ...(pending === "" ? [] : [["", "lacks one", "", pending]]),
    ...refused,
  ];
}

const poolRow = (pool: PoolView): readonly string[] => [
  pool.name,
  pool.addresses.join(","),
  pool.used ?? "?",
  pool.free ?? "?",
];
