import { stripVTControlCharacters } from "node:util";
import type { LabView } from "metallb/web";
import type { Step, StepKey } from "../index.ts";

const CLEAR = "\x1b[0m";
const GREEN = "\x1b[32m";
const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";

/** What the terminal shows: the steps of the start, and what the lab last told. */
export interface Scene {
  readonly steps: ReadonlyMap<StepKey, Step>;
  /** Null until the lab runs. */
  readonly view: LabView | null;
}

/** The lines of the terminal, with colours, none wider than `width` columns. */
export function drawFrame(scene: Scene, width: number): readonly string[] {
  const lines = ["", ...[...scene.steps.values()].map((step) => drawStep(fresh(step, scene.view)))];
  if (scene.view !== null) {
    const problems = scene.view.problems.map((problem) => `  ${RED}!${CLEAR} ${problem}`);
    lines.push(...problems, "", ...nextThings(scene.view).map((line) => `  ${line}`));
  }
  return lines.map((line) => clip(line, width));
}

function drawStep(step: Step): string {
  const mark = { doing: `${YELLOW}…${CLEAR}`, done: `${GREEN}✓${CLEAR}`, failed: `${RED}✗${CLEAR}` }[step.state];
  return `  ${mark} ${step.title.padEnd(15)} ${step.text}`;
}

/** Once the lab runs, the lines tell the present, no longer how the start went. */
function fresh(step: Step, view: LabView | null): Step {
  if (view === null) return step;
  switch (step.key) {
    case "speakers": {
      const down = view.nodes.filter((node) => !node.session.established);
      return { ...step, state: down.length === 0 ? "done" : "failed", text: sessionsText(view) };
    }
    case "service": {
      const hello = view.services.find((service) => service.key === "default/hello");
      const good = hello !== undefined && hello.addresses.length > 0;
      return { ...step, state: good ? "done" : "doing", text: servicesText(view) };
    }
    case "controller":
      return view.controller.running ? step : { ...step, state: "failed", text: view.controller.lastEnding };
    default:
      return step;
  }
}

/** Such as `2 of 3 BGP sessions established; node-2: cut off`. */
export function sessionsText(view: LabView): string {
  const down = view.nodes.filter((node) => !node.session.established);
  const parts = [`${view.nodes.length - down.length} of ${view.nodes.length} BGP sessions established`];
  for (const node of down) parts.push(`${node.name}: ${node.cut ? "cable cut" : downText(node.session)}`);
  return parts.join("; ");
}

const downText = (session: LabView["nodes"][number]["session"]): string =>
  session.reason || session.router || "not established";

/** Such as `198.51.100.1 → node-1, node-2, node-3`. */
export function servicesText(view: LabView): string {
  const hello = view.services.find((service) => service.key === "default/hello");
  const others = view.services.length - (hello === undefined ? 0 : 1);
  const more = others === 0 ? "" : ` (and ${others} more ${others === 1 ? "Service" : "Services"})`;
  if (hello === undefined) return `deleted${more}`;
  if (hello.addresses.length === 0) return `pending${hello.pending === "" ? "" : `: ${hello.pending}`}${more}`;
  const routes = view.routes.filter((route) => route.services.includes("default/hello"));
  const nodes = [...new Set(routes.flatMap((route) => route.via.map((hop) => hop.node)))];
  const way = nodes.length === 0 ? "the router knows no way to it" : `the router's ways: ${nodes.join(", ")}`;
  return `${hello.addresses.join(", ")}; ${way}${more}`;
}

/** The next things to try. */
export function nextThings(view: LabView): readonly string[] {
  const node = view.nodes[1] ?? view.nodes[0];
  const name = view.name === "default" ? "" : ` --name ${view.name}`;
  const speaker = node?.speaker.pid ?? null;
  const address = view.services.find((service) => service.key === "default/hello")?.addresses[0];
  return [
    "Try next, in a second shell:",
    `  kubectl     export KUBECONFIG=${view.kubeconfig}`,
    "              kubectl get services --watch",
    `  dashboard   ${view.dashboard}`,
    `  a failure   npx metallb lab cut ${node?.name}${name}      (heal mends it)`,
    ...(speaker === null
      ? []
      : [`              kill -9 ${speaker}      (the speaker of ${node?.name}; it comes back)`]),
    ...(view.network === "namespaces" && address !== undefined
      ? [`  traffic     npx metallb lab exec${name} client curl http://${address}/`]
      : []),
    `Ctrl-C here, or 'npx metallb lab stop${name}' there, ends the lab.`,
  ];
}

/** Cuts a line to so many columns, counting no colours, and ends colours that the cut left open. */
export function clip(line: string, width: number): string {
  if (columnsOf(line) <= width) return line;
  let left = width - 1;
  let kept = "";
  for (const piece of line.split(COLOUR)) {
    if (piece.startsWith("\x1b[")) kept += piece;
    else {
      const characters = Array.from(piece).slice(0, left);
      kept += characters.join("");
      left -= characters.length;
    }
  }
  return `${kept}…${CLEAR}`;
}

/** How many columns a line takes: colours take none. */
export const columnsOf = (line: string): number => Array.from(stripVTControlCharacters(line)).length;

const COLOUR = new RegExp(`(${CLEAR.slice(0, 1)}\\[[0-9;]*m)`, "g");
