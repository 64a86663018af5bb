export { readBody } from "./answer.ts";
export { ApiError } from "./api-error.ts";
export { createClient, type KubeClient, type KubeObject } from "./client.ts";
export { type Cluster, loadCluster } from "./cluster.ts";
export { type ElectionEvent, ElectionMachine, type LeaseSpec } from "./election-machine.ts";
export { EventRecorder, type EventSubject } from "./event-recorder.ts";
export {
  KeyedWriter,
  type KeyedWriterOptions,
  type WriteContext,
  type WriteOutcome,
  type WriterObserver,
  type WriterStats,
} from "./keyed-writer.ts";
export { LeaseElection } from "./lease-election.ts";
export { getFromPod } from "./pod-port.ts";
export { keyOf, type Reflector, type WatchOptions, watch } from "./reflector.ts";
export { nameOf, notServed } from "./refusal.ts";
export { pathOf, RESOURCES, type Resource, type Where } from "./resources.ts";
export { type IndexFunction, Store } from "./store.ts";
export type { Intention, Stage, WriterEffect, WriterEvent, WriterSettings } from "./writer-events.ts";
export { WriterMachine } from "./writer-machine.ts";
