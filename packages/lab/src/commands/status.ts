import { type Line, table, visible } from "metallb/terminal";
import { type LabView, problemText, processText, type ShownTable, tablesOf } from "metallb/view";

/** The state of a lab, as lines without colours. `now`: milliseconds since 1970. */
export function drawStatus(view: LabView, now: number): readonly Line[] {
  const { controller } = view;
  const problems = [...view.problems, ...view.configuration.map(problemText)];
  const tables = tablesOf(view, now);
  return [
    `Lab ${view.name}: ${view.kubernetes} Kubernetes, network ${view.network}, router ${view.router.title}`,
    { copy: `  KUBECONFIG=${visible(view.kubeconfig)}` },
    { copy: `  dashboard ${view.dashboard}` },
    `  controller ${visible(processText(controller))}${controller.leading === false ? ", stands by" : ""}`,
    ...problems.map((problem) => `  ! ${visible(problem)}`),
    ...draw(cablesOf(view)),
    ...draw(tables.sessions),
    ...draw(routesOf(view)),
    ...(view.layer2.length === 0 ? [] : draw(tables.layer2)),
    ...draw(tables.services),
    ...draw(tables.pools),
  ];
}

const draw = ({ head, rows }: ShownTable): readonly string[] => ["", ...table(head, rows)];

const cablesOf = (view: LabView): ShownTable => ({
  head: ["NODE", "ADDRESS", "CABLE", "SPEAKER"],
  rows: view.nodes.map((node) => [node.name, node.address, node.cut ? "cut" : "whole", processText(node.speaker)]),
});

const routesOf = (view: LabView): ShownTable => ({
  head: ["ROUTE", "SERVICE", "NEXT HOPS"],
  rows: view.routes.map((route) => [
    route.prefix,
    route.services.join(","),
    route.via.map((hop) => `${hop.node} (${hop.nextHop})`).join(", "),
  ]),
});
