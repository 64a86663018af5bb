import type { Service } from "#api";
import type { Config } from "#config";
import type { ClusterFacts, OwnPod } from "./facts.ts";

/** One rule, in the order in which they apply from pool to router. */
export interface Step {
  /** `note`: it decides nothing, but one should know; `unknown`: what it needs could not be read. */
  readonly verdict: "yes" | "no" | "note" | "unknown";
  /** Such as `load balancer class`. */
  readonly rule: string;
  /** The object that decided, such as `IPAddressPool lab`. */
  readonly object: string;
  /** Its field, such as `spec.autoAssign`. */
  readonly field: string;
  readonly text: string;
}

/** The Service that is asked about, and the cluster around it. */
export interface Subject {
  readonly service: Service;
  readonly facts: ClusterFacts;
  readonly config: Config;
  readonly pods: readonly OwnPod[];
}
