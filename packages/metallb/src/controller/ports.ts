import type { Note, PoolUsage } from "#allocator";
import type { Service } from "#api";

/** A JSON object as the API server sends it. */
export type Json = Readonly<Record<string, unknown>>;

export type WriteResult =
  | { readonly kind: "written"; readonly object: Json }
  /** Somebody else changed the object since it was read. */
  | { readonly kind: "conflict" }
  | { readonly kind: "gone" };

/** What the controller needs of the Kubernetes API for Services. Other failures are thrown, and tried again. */
export interface ServiceApi {
  /** The object as it is now; null when there is none. The signal ends a request: nothing may be written after the lead. */
  read(namespace: string, name: string, signal?: AbortSignal): Promise<Json | null>;
  /** PUT on the status subresource: the resourceVersion in the object is the condition. */
  writeStatus(namespace: string, name: string, object: Json, signal?: AbortSignal): Promise<WriteResult>;
}

/** Tells people what happened to a Service. */
export interface Recorder {
  record(service: Service, note: Note): void;
}

/** Brings the counters of pools into their status. */
export interface PoolStatus {
  publish(usage: readonly PoolUsage[]): void;
}
