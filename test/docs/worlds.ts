import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { LabHouse } from "../lab/support.ts";
import { realPrograms, startPlane } from "../support/cluster.ts";
import { goTool } from "../support/go-tools.ts";
import { kubectlProgram, type Part } from "../support/probes.ts";
import { projectFile } from "../support/programs.ts";

/** What a page's commands find: a folder that looks like the checkout, and what runs. */
export interface World {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

export interface WorldKind {
  readonly parts: readonly Part[];
  open(): Promise<World>;
}

/** The checkout's own files in a folder to which pages may add theirs. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), "metallb-docs-"));
  for (const name of readdirSync(projectFile(".")))
    if (!name.startsWith(".")) symlinkSync(projectFile(name), join(folder, name));
  return folder;
}

const pathWith = (...folders: readonly string[]): string => [...folders, process.env.PATH].join(delimiter);

/** Reads as the shell of a reader does who has the programs that the page asks for. */
const withoutCluster = (): NodeJS.ProcessEnv => {
  const { KUBECONFIG: _, ...env } = process.env;
  return env;
};

async function openLab(): Promise<World> {
  const house = await LabHouse.open();
  const folder = checkout();
  await house.start();
  return {
    folder,
    env: { ...withoutCluster(), XDG_RUNTIME_DIR: house.folder, PATH: pathWith(dirname(kubectlProgram())) },
    async close() {
      await house.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function openKubernetes(): Promise<World> {
  const folder = checkout();
  const data = mkdtempSync(join(tmpdir(), "metallb-docs-plane-"));
  const plane = await startPlane(await realPrograms(), data);
  const tools = [dirname(kubectlProgram()), dirname(goTool("helm")), projectFile("packages/metallb/bin")];
  return {
    folder,
    env: { ...withoutCluster(), KUBECONFIG: plane.kubeconfig, HOME: data, PATH: pathWith(...tools) },
    async close() {
      await plane.closePlane();
      for (const each of [folder, data]) rmSync(each, { recursive: true, force: true });
    },
  };
}

/** What a page may say that it runs in. */
export const WORLDS: Readonly<Record<string, WorldKind>> = {
  lab: { parts: ["kubectl"], open: openLab },
  kubernetes: { parts: ["kubernetes", "kubectl", "helm"], open: openKubernetes },
};
