import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BuildProgress } from "./build.ts";
import { startKubeProxy, startRealControlPlane } from "./control-plane.ts";
import { prepareDataFolder } from "./data-folder.ts";
import { startEmbedded } from "./embedded.ts";
import type { ControlPlane, PlaneOptions } from "./plane-options.ts";
import { findOrBuild } from "./programs.ts";

export type { ControlPlane, PlaneOptions } from "./plane-options.ts";

/** Starts the one that the options name; its files live in `folder`. `say` is told how it goes. */
export function startControlPlane(
  options: PlaneOptions,
  folder: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ControlPlane> {
  return options.kubernetes === "embedded"
    ? startEmbedded(options, join(folder, "kubernetes"))
    : startReal(options.dataFolder, join(folder, "kubernetes"), say, signal);
}

async function startReal(
  dataFolder: string | null,
  own: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<ControlPlane> {
  if (dataFolder !== null) await prepareDataFolder(dataFolder);
  const home = dataFolder ?? own;
  const programs = await findOrBuild({ env: process.env, progress: (step) => say(buildText(step)), signal });
  const plane = await startRealControlPlane({ programs, folder: home, progress: say });
  const lacking = programs.missing.length === 0 ? "" : ` (${programs.missing.join("; ")})`;
  return {
    kind: "real",
    title: `real ${programs.version}, ${plane.url}${lacking}`,
    port: plane.port,
    kubeconfig: await readFile(plane.kubeconfig, "utf8"),
    pids: plane.children.map((child) => child.pid),
    trouble: () =>
      plane.children
        .flatMap((child) => (child.ending() === null ? [] : `${child.name} ended (${child.ending()})`))
        .join("; "),
    makesSlices: programs.controllerManager !== null,
    tellPods: null,
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
