import { spawn } from "node:child_process";
import { once } from "node:events";
import type { LabView } from "metallb/web";
import { controlsOf, type LabRecord, runningLabs, stillRuns } from "../index.ts";
import { drawStatus } from "./status.ts";

type FoundLab = LabRecord & { readonly folder: string };

/** The one lab that is meant; rejects when there is none, or several and none is named. */
async function findLab(name: string | null): Promise<FoundLab> {
  const labs = await runningLabs();
  const [first, second] = name === null ? labs : labs.filter((lab) => lab.name === name);
  if (first === undefined) {
    throw new Error(name === null ? NO_LAB : `no lab named '${name}' is running${named(labs)}`);
  }
  if (second !== undefined) throw new Error(`several labs are running: say which with --name${named(labs)}`);
  return first;
}

const NO_LAB = "no lab is running: 'metallb lab' starts one";

const named = (labs: readonly FoundLab[]): string =>
  labs.length === 0 ? "" : ` (running: ${labs.map((lab) => lab.name).join(", ")})`;

/** Prints all labs, or the named one. Resolves with the exit code: 1 when none runs. */
export async function showStatus(name: string | null, json: boolean): Promise<number> {
  const labs = name === null ? await runningLabs() : [await findLab(name)];
  if (labs.length === 0) {
    if (json) console.log("[]");
    console.error(NO_LAB);
    return 1;
  }
  const views: LabView[] = [];
  let exitCode = 0;
  for (const lab of labs) {
    try {
      views.push(await controlsOf(lab.folder).view());
    } catch (error) {
      exitCode = 1;
      console.error(`lab ${lab.name}: ${startingOr(error)}`);
    }
  }
  if (json) console.log(JSON.stringify(views, null, 2));
  else console.log(views.map((view) => drawStatus(view).join("\n")).join("\n\n"));
  return exitCode;
}

/** The socket is the last thing that a lab opens but one. */
const startingOr = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === "ENOENT"
    ? "still starting"
    : error instanceof Error
      ? error.message
      : String(error);

/** Asks the lab to end and waits until it is gone. */
export async function stopLab(name: string | null): Promise<void> {
  const lab = await findLab(name);
  // One that is still starting, or does not answer, understands a signal.
  await controlsOf(lab.folder)
    .stop()
    .catch(() => process.kill(lab.lab.pid, "SIGTERM"));
  const deadline = performance.now() + 30_000;
  while (stillRuns(lab.lab)) {
    if (performance.now() > deadline) throw new Error(`lab ${lab.name} (process ${lab.lab.pid}) does not end`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  console.log(`lab ${lab.name} has ended`);
}

export async function cutCable(name: string | null, node: string): Promise<void> {
  const lab = await findLab(name);
  await controlsOf(lab.folder).cut(node);
  console.log(`the cable of ${node} is cut: nobody is told, the session ends at its hold time`);
}

export async function healCable(name: string | null, node: string): Promise<void> {
  const lab = await findLab(name);
  await controlsOf(lab.folder).heal(node);
  console.log(`the cable of ${node} is whole again`);
}

export async function printKubeconfig(name: string | null): Promise<void> {
  const lab = await findLab(name);
  const view = await controlsOf(lab.folder).view();
  console.log(view.kubeconfig);
}

/** Runs a command in a place of the lab, at this terminal. Resolves with its exit code. */
export async function execInPlace(name: string | null, place: string, words: readonly string[]): Promise<number> {
  const lab = await findLab(name);
  const [program, ...args] = await controlsOf(lab.folder).command(place, words);
  if (program === undefined) throw new Error("no command");
  const child = spawn(program, args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
