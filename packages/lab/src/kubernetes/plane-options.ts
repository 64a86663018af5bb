import type { Child } from "#base";
import type { NodePlace } from "#network";
import type { PodFile } from "./api-process.ts";

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
  /** Why it serves no longer, in words; empty while it does. */
  trouble(): string;
  /** Whether it makes EndpointSlices from Pods by itself. */
  readonly makesSlices: boolean;
  /** Starts what forwards Services on a node; null: the lab does it. */
  readonly startProxy:
    | ((node: NodePlace, kubeconfig: string, clusterCidrs: readonly string[]) => Promise<Child>)
    | null;
  /** Tells what stands behind the lab's Pods, for `kubectl logs` and their proxy; null: a kubelet would. */
  readonly tellPods: ((processes: PodFile) => Promise<void>) | null;
  close(): Promise<void>;
}

/** Which one, and how. */
export interface PlaneOptions {
  readonly kubernetes: "embedded" | "real";
  /** Of the embedded API; null: any that is free. */
  readonly apiPort: number | null;
  /** Where the cluster's objects are kept, a full path; null: gone with the lab. */
  readonly dataFolder: string | null;
}
