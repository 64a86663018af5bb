import { AnswerCounts, readTlsSettings, type TlsSettings } from "#http";
import { createClient, type KubeClient, loadCluster } from "#kube";
import { err, ok, type Result } from "#net";
import { type FlagValues, type Logger, ownNamespace, type SPEAKER_FLAGS } from "#process";
import { type Layer2Settings, readLayer2Settings } from "./layer2-settings.ts";

export type Flags = FlagValues<typeof SPEAKER_FLAGS>;

/** What a speaker is made of. */
export interface Parts {
  readonly client: KubeClient;
  readonly answers: AnswerCounts;
  readonly namespace: string;
  readonly node: string;
  readonly tls: TlsSettings;
  readonly layer2: Layer2Settings;
  /** The operator comes from an FRR mode, whose metrics name the VRF. */
  readonly vrfLabels: boolean;
  readonly flags: Flags;
  readonly log: Logger;
  readonly stop: AbortSignal;
}

/** Reads flags, files and credentials; an error says what the operator has to set. */
export async function prepare(
  flags: Flags,
  env: NodeJS.ProcessEnv,
): Promise<Result<Omit<Parts, "flags" | "log" | "stop">>> {
  const tls = readTlsSettings(flags);
  if (!tls.ok) return tls;
  const node = flags["node-name"];
  if (node === "") return err("the name of the node is missing: set --node-name or METALLB_NODE_NAME");
  const namespace = ownNamespace(flags.namespace);
  if (!namespace.ok) return namespace;
  const layer2 = await readLayer2Settings(flags);
  if (!layer2.ok) return layer2;
  const cluster = loadCluster({ kubeconfig: flags.kubeconfig, env });
  if (!cluster.ok) return err(`cannot reach Kubernetes: ${cluster.error}`);
  const answers = new AnswerCounts();
  return ok({
    client: createClient(cluster.value, { userAgent: "metallb-speaker", onAnswer: answers.count }),
    answers,
    namespace: namespace.value,
    node,
    tls: tls.value,
    layer2: layer2.value,
    vrfLabels: (env.METALLB_BGP_TYPE ?? "").startsWith("frr"),
  });
}
