import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LabView } from "metallb/view";
import { type Dashboard, startDashboard } from "metallb/web";
import type { Child } from "#base";
import {
  both,
  Cleanup,
  claimName,
  markProcess,
  type ProcessMark,
  type Progress,
  portTrouble,
  sweepAbandoned,
  takeStep,
} from "#base";
import {
  clusterObjects,
  HOLD_TIME,
  helloService,
  type LabCluster,
  type LabControlPlane,
  type LabMode,
  NAMESPACE,
  namespaceObject,
  openCluster,
  reachabilityObjects,
  sampleObjects,
  startControlPlane,
} from "#kubernetes";
import type { LabNetwork, Place } from "#network";
import type { Router } from "#routers";
import { serveControls } from "./control.ts";
import { firstLayer2Service } from "./first-layer2-service.ts";
import { firstService } from "./first-service.ts";
import { startForwarding } from "./forward-along.ts";
import { createNetwork, networkText } from "./lab-network.ts";
import { routerText, startLabRouter } from "./lab-router.ts";
import { type LabParts, look } from "./look.ts";
import type { LabOptions } from "./options.ts";
import { type RunningProcess, startController, startSpeaker } from "./processes.ts";

/** A cluster that runs on this machine. */
export interface Lab {
  readonly name: string;
  /** What a second shell would be told now. */
  view(): Promise<LabView>;
  /** Resolves with what came of it, in words. */
  cut(node: string): Promise<string>;
  heal(node: string): Promise<string>;
  /** Path of what a process has written: of the controller or of a node's speaker. */
  logOf(name: string): string;
  /** Settles when somebody asked, from a second shell, that the lab end. */
  readonly stopAsked: Promise<void>;
  /** Ends everything and removes every trace. Safe to call twice. */
  close(): Promise<void>;
}

/** Of the dashboard, when it is free. */
const WEB_PORT = 7480;

/**
 * Starts everything, in order, telling each step; resolves when the sample Service has an address
 * and the router a way to it through every node. When a step fails, or `signal` is aborted, what was
 * started is ended again and the promise rejects.
 */
export async function startLab(options: LabOptions, progress: Progress, signal: AbortSignal): Promise<Lab> {
  const cleanup = new Cleanup();
  try {
    return await assemble(options, progress, signal, cleanup);
  } catch (error) {
    await cleanup.run();
    signal.throwIfAborted();
    throw error;
  }
}

async function assemble(options: LabOptions, progress: Progress, signal: AbortSignal, cleanup: Cleanup): Promise<Lab> {
  await sweepAbandoned();
  const claim = await claimName(options.name);
  cleanup.add(() => claim.release());
  const logs = join(claim.folder, "logs");
  await mkdir(logs);

  const network = await takeStep(
    progress,
    "network",
    `${options.nodes} nodes on ${options.network}`,
    () => createNetwork(options),
    (made) => networkText(made),
  );
  cleanup.add(() => network.close());
  signal.throwIfAborted();

  const [plane, { router }] = await both(
    takeStep(
      progress,
      "kubernetes",
      "starting",
      async (say) => {
        const started = await startControlPlane(options, claim.folder, say, signal);
        cleanup.add(() => started.close());
        return started;
      },
      (started) => started.title,
    ),
    takeStep(
      progress,
      "router",
      "starting",
      async () => {
        const started = await startLabRouter(options, network, join(claim.folder, "router"));
        cleanup.add(() => started.router.close());
        return started;
      },
      routerText,
    ),
  );
  signal.throwIfAborted();
  const kubeconfig = join(claim.folder, "kubeconfig");
  await writeFile(kubeconfig, plane.kubeconfig, { mode: 0o600 });
  const cluster = await fillCluster(plane, network, kubeconfig, cleanup, options.mode);
  await network.publish(plane.port);
  signal.throwIfAborted();

  const processes: RunningProcess[] = [];
  const children: Child[] = [];
  const record = () => void claim.record(marks(router, plane, processes, children)).catch(() => {});
  const context = { network, kubeconfig, logs, onChange: record, mode: options.mode };
  const begin = async (start: Promise<RunningProcess>) => {
    const process = await start;
    processes.push(process);
    cleanup.add(() => process.stop());
    return process;
  };
  const controller = await takeStep(
    progress,
    "controller",
    "starting",
    () => begin(startController(context)),
    (process) => `process ${process.view.pid}`,
  );
  const speakers = new Map(
    await Promise.all(
      network.nodes.map(async (node) => [node.name, await begin(startSpeaker(context, node))] as const),
    ),
  );
  if (network.kind === "namespaces") {
    const proxies = await startForwarding(network, plane, cluster, kubeconfig);
    for (const proxy of proxies) cleanup.add(() => proxy.stop());
    // Nobody waits for the proxies: what they forward comes by and by.
    children.push(...proxies);
  }
  record();
  await tellPods(plane, processes, logs);
  signal.throwIfAborted();

  const cutAt = new Map<string, number>();
  let ready: LabParts | null = null;
  const view = async (): Promise<LabView> => {
    if (ready === null) throw new Error("the lab is still starting");
    return look(ready);
  };
  const dashboard = await openDashboard(options, view);
  cleanup.add(() => dashboard.close());
  ready = {
    name: claim.name,
    startedAt: Date.now(),
    kubernetes: plane.kind,
    kubeconfig,
    dashboard: dashboard.url,
    network,
    router,
    cluster,
    apiTrouble: () => plane.trouble(),
    controller,
    speakers,
    cutAt,
  };
  const { promise: stopAsked, resolve: askStop } = Promise.withResolvers<void>();
  const stopping = new AbortController();
  const stop = () => {
    stopping.abort(new Error("the lab was told to end while it was starting"));
    askStop();
  };
  const tellReachability = async () => {
    const objects = reachabilityObjects(network, !plane.makesSlices);
    for (const object of objects) if (await cluster.has(object)) await cluster.apply([object]);
  };
  const cut = async (node: string) => {
    if (network.isCut(node)) return `the cable of ${node} is cut already`;
    await network.cut(node);
    cutAt.set(node, Date.now());
    await tellReachability();
    const found =
      options.mode === "layer2"
        ? "other nodes take its addresses over within half a second"
        : `the session ends at its hold time, within ${HOLD_TIME} s`;
    return `the cable of ${node} is cut: nobody is told, ${found}`;
  };
  const heal = async (node: string) => {
    if (!network.isCut(node)) return `the cable of ${node} is whole: there is nothing to heal`;
    await network.heal(node);
    cutAt.delete(node);
    await tellReachability();
    return `the cable of ${node} is whole again`;
  };
  const logOf = (asked: string) => logFileOf(logs, processes, asked);
  const closeControls = await serveControls(claim.folder, {
    view,
    cut,
    heal,
    logOf: async (asked) => logOf(asked),
    command: async (name, argv) => ({
      argv: placeOf(network, name).command(argv),
      note:
        network.kind === "loopback" ? `${name} has no network of its own on loopback: this runs on this machine` : "",
    }),
    stop,
  });
  cleanup.add(closeControls);
  const expected = await cluster.has(helloService);
  const wait = options.mode === "layer2" ? firstLayer2Service : firstService;
  await wait(view, progress, AbortSignal.any([signal, stopping.signal]), processes, expected);
  return { name: claim.name, view, cut, heal, logOf, stopAsked, close: () => cleanup.run() };
}

/** Puts the objects in; where the data folder held a cluster already, a user's own are left as they are. */
async function fillCluster(
  plane: LabControlPlane,
  network: LabNetwork,
  kubeconfig: string,
  cleanup: Cleanup,
  mode: LabMode,
): Promise<LabCluster> {
  const cluster = await openCluster(kubeconfig);
  cleanup.add(async () => cluster.close());
  const known = await cluster.has(namespaceObject);
  await cluster.apply([namespaceObject]);
  await cluster.apply(clusterObjects(network, mode));
  if (!known) await cluster.apply(sampleObjects(network, !plane.makesSlices, mode));
  return cluster;
}

function marks(
  router: Router,
  plane: LabControlPlane,
  processes: readonly RunningProcess[],
  children: readonly Child[],
): readonly ProcessMark[] {
  const pids = [
    ...children.map((child) => [child.name, child.pid] as const),
    ...router.pids.map((pid) => ["router", pid] as const),
    ...plane.pids.map((pid) => ["kubernetes", pid] as const),
    ...processes.map((process) => [process.name, process.view.pid] as const),
  ];
  return pids.flatMap(([name, pid]) => {
    const mark = pid === null ? null : markProcess(name, pid);
    return mark === null ? [] : [mark];
  });
}

async function openDashboard(options: LabOptions, view: () => Promise<LabView>): Promise<Dashboard> {
  const port = options.webPort ?? WEB_PORT;
  try {
    return await startDashboard({ port, view });
  } catch (error) {
    if (options.webPort !== null) throw portTrouble("--web-port", port, error);
    return await startDashboard({ port: 0, view });
  }
}

function placeOf(network: LabNetwork, name: string): Place {
  const pods = network.nodes.flatMap((node) => node.pod ?? []);
  const places = [network.router, ...network.nodes, ...(network.client === null ? [] : [network.client]), ...pods];
  const place = places.find((candidate) => candidate.name === name);
  if (place !== undefined) return place;
  throw new Error(unknown("place", name, places));
}

/** Each process stands behind the Pod object of its name. */
async function tellPods(plane: LabControlPlane, processes: readonly RunningProcess[], logs: string): Promise<void> {
  const entries = processes.map(async (process) => {
    const port = await process.statePort();
    return [`${NAMESPACE}/${process.name}`, { port, log: join(logs, `${process.name}.log`) }] as const;
  });
  await plane.tellPods?.(Object.fromEntries(await Promise.all(entries)));
}

function logFileOf(logs: string, processes: readonly RunningProcess[], asked: string): string {
  const found = processes.find(({ name }) => name === asked || name === `speaker-${asked}`);
  if (found !== undefined) return join(logs, `${found.name}.log`);
  const known = processes.map(({ name }) => ({ name: name.replace(/^speaker-/, "") }));
  throw new Error(unknown("process", asked, known));
}

const unknown = (what: string, name: string, known: readonly { readonly name: string }[]): string =>
  `there is no ${what} '${name}': ${known.map((each) => each.name).join(", ")}`;
