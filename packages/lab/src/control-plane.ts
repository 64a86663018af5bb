import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildProgress, findOrBuild, startKubeProxy, startRealControlPlane } from "#kubernetes";
import type { NodePlace } from "#network";
import type { Child } from "./child.ts";
import type { LabOptions } from "./options.ts";
import { portTrouble } from "./ports.ts";

/** The API that the lab's cluster lives in. */
export interface ControlPlane {
  readonly kind: "embedded" | "real";
  /** For people: what it is and where. */
  readonly title: string;
  /** On 127.0.0.1. */
  readonly port: number;
  /** An administrator's, as YAML. */
  readonly kubeconfig: string;
  readonly pids: readonly number[];
  /** Whether it makes EndpointSlices from Pods by itself. */
  readonly makesSlices: boolean;
  /** Starts what forwards Services on a node; null: the lab does it. */
  readonly startProxy:
    | ((node: NodePlace, kubeconfig: string, clusterCidrs: readonly string[]) => Promise<Child>)
    | null;
  close(): Promise<void>;
}

/** Starts the one that the options name; its files live in `folder`. `say` is told how it goes. */
export function startControlPlane(
  options: LabOptions,
  folder: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ControlPlane> {
  return options.kubernetes === "embedded"
    ? startEmbedded(options)
    : startReal(options.dataFolder ?? join(folder, "kubernetes"), say, signal);
}

async function startEmbedded({ apiPort, dataFolder }: LabOptions): Promise<ControlPlane> {
  // Loaded here, so that a lab with a real control plane never pays for it.
  const { runEndpointSlices, startApiServer } = await import("@metallb-ts/apiserver");
  const port = apiPort ?? 0;
  const server = await startApiServer({ host: "127.0.0.1", port, dataFolder }).catch((error: unknown) => {
    throw portTrouble("--api-port", port, error);
  });
  const stopSlices = runEndpointSlices(server.cluster);
  return {
    kind: "embedded",
    title: `embedded, ${server.url}`,
    port: Number(new URL(server.url).port),
    kubeconfig: server.kubeconfig,
    pids: [],
    makesSlices: true,
    startProxy: null,
    close: () => {
      stopSlices();
      return server.close();
    },
  };
}

async function startReal(home: string, say: (text: string) => void, signal: AbortSignal): Promise<ControlPlane> {
  const programs = await findOrBuild({ env: process.env, progress: (step) => say(buildText(step)), signal });
  const plane = await startRealControlPlane({ programs, folder: home, progress: say });
  const lacking = programs.missing.length === 0 ? "" : ` (${programs.missing.join("; ")})`;
  return {
    kind: "real",
    title: `real ${programs.version}, ${plane.url}${lacking}`,
    port: plane.port,
    kubeconfig: await readFile(plane.kubeconfig, "utf8"),
    pids: plane.children.map((child) => child.pid),
    makesSlices: programs.controllerManager !== null,
    startProxy:
      programs.kubeProxy === null
        ? null
        : (node, kubeconfig, clusterCidrs) =>
            startKubeProxy({ programs, kubeconfig, node, clusterCidrs, folder: home }),
    close: () => plane.close(),
  };
}

function buildText(step: BuildProgress): string {
  switch (step.kind) {
    case "waiting":
      return `another process (${step.pid}) is building Kubernetes; waiting for it`;
    case "preparing":
      return step.text;
    case "modules":
      return `building Kubernetes, once: ${step.done} modules fetched`;
    case "packages":
      return `building Kubernetes, once: ${step.done} of ${step.total} packages compiled`;
  }
}
