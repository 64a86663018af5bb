import { type Line, type Paint, painted, visible } from "metallb/terminal";
import { type LabView, type NodeView, problemText, type SessionView } from "metallb/view";
import type { Step, StepKey } from "#base";

/** What the terminal shows: the steps of the start, and what the lab last told. */
export interface Scene {
  readonly steps: ReadonlyMap<StepKey, Step>;
  /** Null until the lab runs. */
  readonly view: LabView | null;
}

/** The lines of the terminal, with colours. */
export function drawFrame(scene: Scene, paint: Paint = painted): readonly Line[] {
  const { view } = scene;
  const lines: Line[] = ["", ...[...scene.steps.values()].map((step) => drawStep(fresh(step, view), paint))];
  if (view === null) return lines;
  const problems = [...view.problems, ...view.configuration.map(problemText)];
  lines.push(...problems.map((problem) => `  ${paint("red", "!")} ${visible(problem)}`), "", ...nextThings(view));
  return lines;
}

function drawStep(step: Step, paint: Paint): string {
  const mark = { doing: paint("yellow", "…"), done: paint("green", "✓"), failed: paint("red", "✗") }[step.state];
  return `  ${mark} ${step.title.padEnd(15)} ${visible(step.text)}`;
}

/** Once the lab runs, the lines tell the present, no longer how the start went. */
function fresh(step: Step, view: LabView | null): Step {
  if (view === null) return step;
  switch (step.key) {
    case "kubernetes":
      return view.problems.some((problem) => problem.includes("Kubernetes API ended"))
        ? { ...step, state: "failed" }
        : step;
    case "speakers": {
      const down = allSessions(view).filter(({ session }) => !session.established);
      return { ...step, state: down.length === 0 ? "done" : "failed", text: sessionsText(view) };
    }
    case "service": {
      const hello = view.services.find((service) => service.key === "default/hello");
      const good = hello !== undefined && hello.addresses.length > 0;
      return { ...step, state: good ? "done" : "doing", text: servicesText(view) };
    }
    case "controller": {
      const { running, title, restarts, lastEnding } = view.controller;
      if (!running) return { ...step, state: "failed", text: lastEnding };
      return {
        ...step,
        state: "done",
        text: restarts === 0 ? title : `${title}, restarted ${restarts}× (${lastEnding})`,
      };
    }
    default:
      return step;
  }
}

const allSessions = (view: LabView): readonly { readonly node: NodeView; readonly session: SessionView }[] =>
  view.nodes.flatMap((node) => node.sessions.map((session) => ({ node, session })));

/** Such as `2 of 3 BGP sessions established; node-2: cable cut`. */
export function sessionsText(view: LabView): string {
  const sessions = allSessions(view);
  const down = sessions.filter(({ session }) => !session.established);
  const parts = [`${sessions.length - down.length} of ${sessions.length} BGP sessions established`];
  for (const node of view.nodes) {
    if (node.cut) parts.push(`${node.name}: cable cut${endings(node)}`);
    else for (const { session } of down.filter((each) => each.node === node)) parts.push(downText(node, session));
    if (node.sessions.length === 0) parts.push(`${node.name}: no session`);
  }
  return parts.join("; ");
}

/** Such as `, its session ends within 4 s`. */
function endings(node: NodeView): string {
  const [first] = node.sessions.flatMap(({ timer }) => (timer === "" ? [] : [timer]));
  return first === undefined ? "" : `, its session ${first}`;
}

function downText(node: NodeView, { peer, reason, router, speaker, timer }: SessionView): string {
  const name = peer === node.name ? node.name : `${node.name} with ${peer}`;
  return `${name}: ${reason || speaker || router || "not established"}${timer === "" ? "" : `, ${timer}`}`;
}

/** Such as `198.51.100.1 → node-1, node-2, node-3`. */
export function servicesText(view: LabView): string {
  const hello = view.services.find((service) => service.key === "default/hello");
  const others = view.services.length - (hello === undefined ? 0 : 1);
  const more = others === 0 ? "" : ` (and ${others} more ${others === 1 ? "Service" : "Services"})`;
  if (hello === undefined) return `deleted${more}`;
  if (hello.addresses.length === 0) {
    const why = hello.foreign || hello.pending;
    return `pending${why === "" ? "" : `: ${why}`}${more}`;
  }
  const routes = view.routes.filter((route) => route.services.includes("default/hello"));
  const nodes = [...new Set(routes.flatMap((route) => route.via.map((hop) => hop.node)))];
  const way = nodes.length === 0 ? "the router knows no way to it" : `the router's ways: ${nodes.join(", ")}`;
  return `${hello.addresses.join(", ")}; ${way}${more}`;
}

/** The next things to try, as they can be typed in any folder. */
export function nextThings(view: LabView): readonly Line[] {
  const node = view.nodes[1] ?? view.nodes[0];
  const lab = labCommand(view);
  const speaker = node?.speaker.pid ?? null;
  const address = view.services.find((service) => service.key === "default/hello")?.addresses[0];
  const lines: Line[] = ["  Try next, in a second shell:", ...kubectlLines(view), copied("dashboard", view.dashboard)];
  lines.push(copied("a failure", `${lab("cut")} ${node?.name}`), copied("", `${lab("heal")} ${node?.name}`));
  if (speaker !== null)
    lines.push(copied("", `kill -9 ${speaker}`), `              (the speaker of ${node?.name}; it comes back)`);
  if (view.network === "namespaces" && address !== undefined) {
    lines.push(copied("traffic", `${lab("exec")} client curl http://${address}/`));
  }
  return [...lines, copied("more", lab("status")), copied("the end", `Ctrl-C here, or there: ${lab("stop")}`)];
}

/** Root's lab is root's alone: its kubeconfig too. */
function kubectlLines(view: LabView): readonly Line[] {
  if (view.command.startsWith("sudo ")) {
    return [copied("kubectl", `sudo kubectl --kubeconfig ${view.kubeconfig} get services --watch`)];
  }
  return [copied("kubectl", `export KUBECONFIG=${view.kubeconfig}`), copied("", "kubectl get services --watch")];
}

const copied = (title: string, text: string): Line => ({ copy: `    ${title.padEnd(9)} ${visible(text)}` });

const labCommand = (view: LabView) => (command: string) =>
  `${view.command} ${command}${view.name === "default" ? "" : ` --name ${view.name}`}`;

/** The lines without colours, for where no terminal is: nothing is cut. */
export const plainLines = (lines: readonly Line[]): readonly string[] =>
  lines.map((line) => (typeof line === "string" ? line : line.copy));
