import { spawn } from "node:child_process";
import { once } from "node:events";
import { follow, type Line, meant, visible } from "metallb/terminal";
import { type LabView, troublesOf } from "metallb/view";
import { type LabRecord, runningLabs } from "#base";
import { controlsOf, ownCommand } from "#processes";
import { plainLines } from "./frame.ts";
import { drawStatus } from "./status.ts";

export type FoundLab = LabRecord & { readonly folder: string };

/** The one lab that is meant; rejects when there is none, or several and none is named. */
export async function findLab(name: string | null): Promise<FoundLab> {
  const labs = await runningLabs();
  const [first, second] = name === null ? labs : labs.filter((lab) => lab.name === name);
  if (first === undefined) {
    if (name === null) throw new Error(noLab());
    const known = labs.map((lab) => lab.name);
    throw new Error(`no lab named '${name}' is running${meant(name, known)}${named(labs)}`);
  }
  if (second !== undefined) throw new Error(`several labs are running: say which with --name${named(labs)}`);
  return first;
}

const noLab = () => `no lab is running: '${ownCommand()}' starts one`;

const named = (labs: readonly FoundLab[]): string =>
  labs.length === 0 ? "" : ` (running: ${labs.map((lab) => lab.name).join(", ")})`;

export interface StatusOptions {
  readonly json: boolean;
  readonly watch: boolean;
  /** Milliseconds to wait until all is well; null: not at all. */
  readonly wait: number | null;
}

/** Exit code of a lab, or of all, in which something is down. */
const DOWN = 1;

/** Shows all labs, or the named one. Resolves with the exit code: 0 when all is well. */
export async function showStatus(name: string | null, options: StatusOptions): Promise<number> {
  if (options.watch) {
    const ending = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
    await follow(async () => linesOf(await lookAt(name)), 1_000, ending.signal);
    return 0;
  }
  let looked = await lookAt(name);
  const deadline = performance.now() + (options.wait ?? 0);
  while (options.wait !== null && troublesIn(looked).length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    looked = await lookAt(name);
  }
  if (looked.views.length + looked.troubles.length === 0) looked.troubles.push(noLab());
  const troubles = troublesIn(looked);
  if (options.json) console.log(JSON.stringify(looked.views, null, 2));
  else for (const line of plainLines(linesOf({ ...looked, troubles: [] }))) console.log(line);
  for (const trouble of looked.troubles) console.error(trouble);
  if (options.wait !== null && troubles.length > 0) {
    console.error(`after ${options.wait / 1_000} s: ${troubles.map(visible).join("; ")}`);
  }
  return troubles.length === 0 ? 0 : DOWN;
}

interface Looked {
  readonly views: readonly LabView[];
  /** Labs that did not answer. */
  readonly troubles: string[];
}

async function lookAt(name: string | null): Promise<Looked> {
  const labs = name === null ? await runningLabs() : [await findLab(name)];
  const views: LabView[] = [];
  const troubles: string[] = [];
  for (const lab of labs) {
    try {
      views.push(await controlsOf(lab.folder).view());
    } catch (error) {
      troubles.push(`lab ${lab.name}: ${startingOr(error)}`);
    }
  }
  return { views, troubles };
}

const troublesIn = ({ views, troubles }: Looked): readonly string[] => [
  ...troubles,
  ...views.flatMap((view) => [
    ...troublesOf(view),
    ...view.nodes.filter(({ cut }) => cut).map((node) => `the cable of ${node.name} is cut`),
  ]),
];

const linesOf = ({ views, troubles }: Looked): readonly Line[] => [
  ...views.flatMap((view, index) => [...(index === 0 ? [] : [""]), ...drawStatus(view, Date.now())]),
  ...troubles,
];

/** The socket is the last thing that a lab opens but one. */
const startingOr = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === "ENOENT"
    ? "still starting"
    : error instanceof Error
      ? error.message
      : String(error);

export async function cutCable(name: string | null, node: string): Promise<void> {
  const lab = await findLab(name);
  console.log(await controlsOf(lab.folder).cut(await knownNode(lab, node)));
}

export async function healCable(name: string | null, node: string): Promise<void> {
  const lab = await findLab(name);
  console.log(await controlsOf(lab.folder).heal(await knownNode(lab, node)));
}

/** Rejects when there is no such node, naming the nearest. */
async function knownNode(lab: FoundLab, name: string): Promise<string> {
  const { nodes } = await controlsOf(lab.folder).view();
  const names = nodes.map((node) => node.name);
  if (names.includes(name)) return name;
  throw new Error(`there is no node '${visible(name)}'${meant(name, names)}: ${names.join(", ")}`);
}

export async function printKubeconfig(name: string | null): Promise<void> {
  const lab = await findLab(name);
  const view = await controlsOf(lab.folder).view();
  console.log(view.kubeconfig);
}

/** Runs a command in a place of the lab, at this terminal. Resolves with its exit code. */
export async function execInPlace(name: string | null, place: string, words: readonly string[]): Promise<number> {
  const lab = await findLab(name);
  const { argv, note } = await controlsOf(lab.folder).command(place, words);
  const [program, ...args] = argv;
  if (program === undefined) throw new Error("no command");
  if (note !== "") console.error(note);
  const child = spawn(program, args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}
