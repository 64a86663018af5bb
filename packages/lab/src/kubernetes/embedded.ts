import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { type Child, portTrouble, startChild } from "#base";
import type { ApiAnswer } from "./api-process.ts";
import { prepareDataFolder } from "./data-folder.ts";
import type { ControlPlane, PlaneOptions } from "./plane-options.ts";

const PROGRAM = join(import.meta.dirname, `api-process${extname(import.meta.filename)}`);
/** Milliseconds that the API gets to close its watches; one that hangs is then killed. */
const GRACE = 2_000;

/** Starts the embedded API in a process of its own; its kubeconfig goes into `folder`. */
export async function startEmbedded({ apiPort, dataFolder }: PlaneOptions, folder: string): Promise<ControlPlane> {
  if (dataFolder !== null) await prepareDataFolder(dataFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kubeconfig = join(folder, "kubeconfig");
  const pods = join(folder, "pods.json");
  const port = apiPort ?? 0;
  const { promise: answered, resolve } = Promise.withResolvers<ApiAnswer>();
  const child = await startChild({
    name: "kubernetes",
    argv: [process.execPath, PROGRAM, String(port), kubeconfig, pods, ...(dataFolder === null ? [] : [dataFolder])],
    grace: GRACE,
    onLine: (line) => {
      const answer = readAnswer(line);
      if (answer !== null) resolve(answer);
    },
  });
  void child.ended.then((ending) => resolve({ error: lastWords(child, ending), code: "", syscall: "" }));
  const answer = await answered;
  if ("error" in answer) {
    await child.stop();
    throw trouble(answer, port, dataFolder);
  }
  return {
    kind: "embedded",
    title: `embedded, ${answer.url}`,
    port: Number(new URL(answer.url).port),
    kubeconfig: await readFile(kubeconfig, "utf8"),
    pids: [child.pid],
    trouble: () => (child.ending() === null ? "" : lastWords(child, child.ending() ?? "")),
    makesSlices: true,
    startProxy: null,
    tellPods: async (processes) => {
      await writeFile(`${pods}.next`, JSON.stringify(processes), { mode: 0o600 });
      await rename(`${pods}.next`, pods);
    },
    close: () => child.stop(),
  };
}

function readAnswer(line: string): ApiAnswer | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as ApiAnswer;
  } catch {
    return null;
  }
}

const lastWords = (child: Child, ending: string): string =>
  `the embedded Kubernetes API ended (${ending}): ${child.tail().slice(-3).join(" ").slice(-500)}`;

/** Only what the listening socket said is about the port. */
function trouble(answer: Extract<ApiAnswer, { error: string }>, port: number, dataFolder: string | null): Error {
  if (answer.syscall === "listen") {
    return portTrouble("--api-port", port, Object.assign(new Error(answer.error), { code: answer.code }));
  }
  return new Error(dataFolder === null ? answer.error : `--data ${dataFolder}: ${answer.error}`);
}
