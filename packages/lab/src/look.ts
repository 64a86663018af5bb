import type { AnnouncementView, LabView, NodeView, ProcessView, RouteView } from "metallb/web";
import type { LabNetwork } from "#network";
import type { Router, RouterRoute, RouterSession } from "#routers";
import type { LabCluster } from "./cluster.ts";
import { ROUTER_ASN, SIX } from "./objects.ts";
import {
  type ControllerState,
  fetchState,
  readControllerState,
  readSpeakerState,
  type SpeakerState,
} from "./states.ts";

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
    lookAtNode(parts, node.name, node.address, sessions ?? [], speakers[index] ?? null),
  );
  return {
    name: parts.name,
    startedAt: parts.startedAt,
    kubernetes: parts.kubernetes,
    network: network.kind,
    kubeconfig: parts.kubeconfig,
    dashboard: parts.dashboard,
    router: { title: router.title, address: network.router.address, port: network.bgpPort, asn: ROUTER_ASN },
    controller: parts.controller.view,
    nodes,
    routes: routesOf(routes ?? [], cluster),
    pools: cluster.pools().map((pool) => ({ ...pool, ...usageOf(pool.name, controller) })),
    services: cluster.services().map(({ key, addresses, pool, pending }) => ({
      key,
      addresses,
      pool,
      pending: addresses.length > 0 ? "" : pending || (controller?.refusals.get(key) ?? ""),
      announcements: nodes.map((node, index) => announcement(node, key, speakers[index] ?? null)),
    })),
    problems,
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

function lookAtNode(
  parts: LabParts,
  name: string,
  address: string,
  sessions: readonly RouterSession[],
  speaker: SpeakerState | null,
): NodeView {
  const atRouter = sessions.filter((session) => session.name === name || session.name === name + SIX);
  const down = atRouter.find((session) => !session.established);
  const atSpeaker =
    speaker?.sessions.find((session) => session.state !== "Established") ?? speaker?.sessions[0] ?? null;
  const process = parts.speakers.get(name)?.view ?? { running: false, pid: null, restarts: 0, lastEnding: "" };
  return {
    name,
    address,
    cut: parts.network.isCut(name),
    speaker: process,
    session: {
      established: atRouter.length > 0 && down === undefined,
      router: (down ?? atRouter[0])?.state ?? "unknown",
      speaker: atSpeaker?.state ?? "",
      reason: process.running ? (atSpeaker?.reason ?? "") : "the speaker does not run",
      announcedPrefixes: speaker?.sessions.reduce((sum, session) => sum + (session.announcedPrefixes ?? 0), 0) ?? null,
    },
  };
}

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

/** Announced is what the speaker sends and the router hears. */
function announcement({ name, session }: NodeView, key: string, speaker: SpeakerState | null): AnnouncementView {
  const not = (reason: string): AnnouncementView => ({ node: name, announced: false, reason });
  if (speaker === null) return not("the speaker does not answer");
  const verdict = speaker.verdicts.get(key);
  if (verdict === undefined) return not("the speaker has not seen it yet");
  if (verdict.announced && !session.established) return not("the BGP session is not established");
  return { node: name, ...verdict };
}
