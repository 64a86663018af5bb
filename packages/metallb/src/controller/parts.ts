import { AnswerCounts, readTlsSettings, type TlsSettings } from "#http";
import { createClient, type KubeClient, loadCluster } from "#kube";
import { err, ok, type Result } from "#net";
import { type CONTROLLER_FLAGS, type FlagValues, type Logger, type MemoryKeeper, ownNamespace } from "#process";
import type { IpamSettings } from "./ipam/client.ts";
import { readIpamSettings } from "./ipam/settings.ts";

type Flags = FlagValues<typeof CONTROLLER_FLAGS>;

/** What a controller is made of; an error in words where that cannot be had. */
export function prepare(
  flags: Flags,
  env: NodeJS.ProcessEnv,
): Result<Omit<Parts, "flags" | "log" | "stop" | "memory" | "identity">> {
  const tls = readTlsSettings(flags);
  if (!tls.ok) return tls;
  const ipam = readIpamSettings(flags);
  if (!ipam.ok) return ipam;
  const namespace = ownNamespace(flags.namespace);
  if (!namespace.ok) return namespace;
  const cluster = loadCluster({ kubeconfig: flags.kubeconfig, env });
  if (!cluster.ok) return err(`cannot reach Kubernetes: ${cluster.error}`);
  const answers = new AnswerCounts();
  const client = createClient(cluster.value, { userAgent: "metallb-controller", onAnswer: answers.count });
  return ok({ client, namespace: namespace.value, tls: tls.value, answers, ipam: ipam.value });
}

export interface Parts {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly tls: TlsSettings;
  readonly answers: AnswerCounts;
  /** Null: no IPAM outside. */
  readonly ipam: IpamSettings | null;
  readonly flags: Flags;
  readonly log: Logger;
  readonly stop: AbortSignal;
  readonly memory: MemoryKeeper;
  /** Who this process is in the election, through all of its lives. */
  readonly identity: string;
}
