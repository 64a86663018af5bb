import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "#base";
import { type LabMode, NAMESPACE, ownPodName } from "#kubernetes";
import type { LabNetwork, NodePlace } from "#network";
import type { LabProcess } from "./look.ts";
import { Supervised } from "./supervisor.ts";

export interface ProcessContext {
  readonly network: LabNetwork;
  readonly kubeconfig: string;
  /** Folder of the logs. */
  readonly logs: string;
  readonly onChange: () => void;
  readonly mode: LabMode;
}

/** A process of the lab that can be stopped. */
export interface RunningProcess extends LabProcess {
  readonly name: string;
  tail(): readonly string[];
  stop(): Promise<void>;
}

/** The launchers of the product. */
const launcher = (name: string) => fileURLToPath(new URL(`bin/${name}`, import.meta.resolve("metallb/package.json")));

/** Upstream's default; free in a namespace of one's own. */
const HEALTH_PORT = 17472;

export async function startController(context: ProcessContext): Promise<RunningProcess> {
  const port = await freePort();
  const flags = [...commonFlags(port), "--webhook-mode=disabled", "--disable-cert-rotation"];
  const controller = supervised(context, "controller", [launcher("controller"), ...flags], {
    METALLB_POD_NAME: ownPodName("controller", ""),
  });
  await controller.start();
  return asProcess(controller, async () => port);
}

export async function startSpeaker(context: ProcessContext, node: NodePlace): Promise<RunningProcess> {
  const port = context.network.kind === "loopback" ? await freePort() : HEALTH_PORT;
  const speaker = supervised(
    context,
    `speaker-${node.name}`,
    node.command([launcher("speaker"), ...commonFlags(port)]),
    {
      METALLB_NODE_NAME: node.name,
      METALLB_HOST: node.address,
      METALLB_POD_NAME: ownPodName("speaker", node.name),
      ...(context.mode === "layer2"
        ? { METALLB_ML_BIND_ADDR: node.address, METALLB_ML_LABELS: "component=speaker" }
        : {}),
    },
  );
  await speaker.start();
  return asProcess(speaker, () => context.network.reach(node.name, port));
}

const commonFlags = (healthPort: number): readonly string[] => [
  `--namespace=${NAMESPACE}`,
  "--port=0",
  `--health-probe-port=${healthPort}`,
];

function supervised(
  { kubeconfig, logs, onChange }: ProcessContext,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Supervised {
  return new Supervised({
    name,
    argv,
    env: { ...withoutMetallb(process.env), KUBECONFIG: kubeconfig, ...env },
    logFile: join(logs, `${name}.log`),
    onChange,
  });
}

/** What is set for another installation must not steer this one. */
const withoutMetallb = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("METALLB_")));

const asProcess = (supervised: Supervised, statePort: () => Promise<number>): RunningProcess => ({
  name: supervised.name,
  get view() {
    return supervised.view;
  },
  statePort,
  tail: () => supervised.tail(),
  stop: () => supervised.stop(),
});
