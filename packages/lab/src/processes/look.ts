import {
  type ControllerState,
  type ControllerView,
  deafOf,
  type LabView,
  type NodeView,
  type NodeVoice,
  type PoolView,
  type ProcessView,
  type RouteView,
  readControllerState,
  readSpeakerState,
  type SessionView,
  type SpeakerState,
  serviceView,
  timerText,
} from "metallb/view";
import { HOLD_TIME, type LabCluster, ROUTER_ASN, SIX } from "#kubernetes";
import type { LabNetwork, NodePlace } from "#network";
import type { Router, RouterRoute, RouterSession } from "#routers";
import { ownCommand } from "./own-command.ts";
import { fetchState } from "./state-of.ts";

/** What a running lab consists of, for those who look at it. */
export interface LabParts {
  readonly name: string;
  readonly startedAt: number;
  readonly kubernetes: "embedded" | "real";
  readonly kubeconfig: string;
  readonly dashboard: string;
  readonly network: LabNetwork;
  readonly router: Router;
  readonly cluster: LabCluster;
  /** Why the Kubernetes API serves no longer; empty while it does. */
  readonly apiTrouble: () => string;
  readonly controller: LabProcess;
  /** By the node's name. */
  readonly speakers: ReadonlyMap<string, LabProcess>;
  /** When the cables that are cut were cut, milliseconds since 1970, by the node's name. */
  readonly cutAt: ReadonlyMap<string, number>;
}

export interface LabProcess {
  readonly view: ProcessView;
  /** A port of 127.0.0.1 that leads to its health server. */
  statePort(): Promise<number>;
}

/** Asks everybody and puts the answers together. Who does not answer is named in `problems`; never rejects. */
export async function look(parts: LabParts): Promise<LabView> {
  const trouble = parts.apiTrouble();
  const problems = trouble === "" ? [] : [trouble];
  const ask = async <T>(who: string, question: () => Promise<T>): Promise<T | null> => {
    try {
      return await question();
    } catch (error) {
      problems.push(`${who} does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const [routes, sessions, controller, ...speakers] = await Promise.all([
    ask("the router", () => parts.router.routes()),
    ask("the router", () => parts.router.sessions()),
    stateOf(parts.controller, readControllerState),
    ...parts.network.nodes.map((node) => stateOf(parts.speakers.get(node.name) ?? null, readSpeakerState)),
  ]);
  const { network, router, cluster } = parts;
  const nodes = network.nodes.map((node, index) =>
    lookAtNode(parts, node, sessions ?? [], speakers[index] ?? null, Date.now()),
  );
  const voices = nodes.map(
    (node, index): NodeVoice => ({ node: node.name, speaker: speakers[index] ?? null, deaf: deafOf(node.sessions) }),
  );
  return {
    kind: "lab",
    name: parts.name,
    startedAt: parts.startedAt,
    kubernetes: parts.kubernetes,
    network: network.kind,
    kubeconfig: parts.kubeconfig,
    dashboard: parts.dashboard,
    command: ownCommand(),
    router: { title: router.title, address: network.router.address, port: network.bgpPort, asn: ROUTER_ASN },
    controller: controllerView(parts.controller.view, controller),
    nodes,
    routes: routesOf(routes ?? [], cluster),
    pools: cluster.pools().map((pool): PoolView => ({ ...pool, ...usageOf(pool.name, controller) })),
    services: cluster.services().map((service) => serviceView(service, { ourClass: null, controller, voices })),
    layer2: nodes.flatMap(({ name }, index) =>
      (speakers[index]?.layer2 ?? []).map((owner) => ({ ...owner, node: name })),
    ),
    configuration: controller?.problems ?? speakers.find((speaker) => speaker !== null)?.problems ?? [],
    problems: [...new Set(problems)],
  };
}

async function stateOf<T>(process: LabProcess | null, read: (answer: unknown) => T): Promise<T | null> {
  // Who has just started or was killed is told about by its process, not as a problem.
  if (process === null || !process.view.running) return null;
  try {
    return read(await fetchState(await process.statePort()));
  } catch {
    return null;
  }
}

const controllerView = (process: ProcessView, state: ControllerState | null): ControllerView => ({
  ...process,
  leading: state?.leading ?? null,
});

const NOT_STARTED: ProcessView = { running: false, title: "", pid: null, restarts: 0, lastEnding: "" };

function lookAtNode(
  parts: LabParts,
  { name, address }: NodePlace,
  atRouter: readonly RouterSession[],
  speaker: SpeakerState | null,
  now: number,
): NodeView {
  const cutAt = parts.cutAt.get(name);
  const process = parts.speakers.get(name)?.view ?? NOT_STARTED;
  const own = atRouter.filter((session) => session.name === name || session.name === name + SIX);
  const told = new Map(speaker?.sessions.map((session) => [session.peer, session]));
  const sessions = own.map((session): SessionView => {
    const at = told.get(session.name);
    told.delete(session.name);
    // Either side alone may not have noticed yet: established is what both say, where both say anything.
    const established = session.established && (at === undefined || at.state === "Established");
    const view: SessionView = {
      peer: session.name,
      established,
      router: session.state,
      speaker: at?.state ?? "",
      reason: process.running ? (at?.reason ?? "") : "the speaker does not run",
      shortcomings: at?.shortcomings ?? [],
      since: at?.since ?? null,
      timer: cutAt !== undefined && established ? endsWithin(cutAt + HOLD_TIME * 1_000 - now) : "",
      announcedPrefixes: at?.announcedPrefixes ?? null,
      next: process.running ? (at?.next ?? null) : null,
      holdEndsAt: at?.holdEndsAt ?? null,
      holdTime: at?.holdTime ?? null,
      bfd: at?.bfd ?? null,
    };
    return { ...view, timer: timerText(view, now) };
  });
  // Those that a user has made lead somewhere that the lab does not know.
  const others = [...told.values()].map((session): SessionView => {
    const established = session.state === "Established";
    const { state: speaker, ...rest } = session;
    const view = { ...rest, established, router: "", speaker, timer: "" };
    return { ...view, timer: timerText(view, now) };
  });
  return { name, address, cut: cutAt !== undefined, speaker: process, sessions: [...sessions, ...others] };
}

/** The hold time (RFC 4271 section 6.5) of both sides began with the last message before the cut. */
const endsWithin = (milliseconds: number): string => `ends within ${Math.max(1, Math.ceil(milliseconds / 1_000))} s`;

function routesOf(routes: readonly RouterRoute[], cluster: LabCluster): readonly RouteView[] {
  const holders = new Map<string, string[]>();
  for (const service of cluster.services()) {
    for (const address of service.addresses) {
      const prefix = `${address}/${address.includes(":") ? 128 : 32}`;
      const keys = holders.get(prefix);
      if (keys === undefined) holders.set(prefix, [service.key]);
      else keys.push(service.key);
    }
  }
  return routes
    .filter((route) => route.paths.length > 0)
    .map((route) => ({
      prefix: route.prefix,
      services: holders.get(route.prefix) ?? [],
      via: route.paths
        .map((path) => ({
          node: path.from.endsWith(SIX) ? path.from.slice(0, -SIX.length) : path.from,
          nextHop: path.nextHop,
        }))
        .toSorted((a, b) => a.node.localeCompare(b.node, "en", { numeric: true })),
    }));
}

function usageOf(pool: string, controller: ControllerState | null): { used: string | null; free: string | null } {
  return controller?.pools.get(pool) ?? { used: null, free: null };
}
