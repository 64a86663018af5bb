import { announcementsOf, type NodeVoice } from "./announcements.ts";
import type { ControllerState } from "./states.ts";
import type { ServiceView } from "./view.ts";

/** A Service of type LoadBalancer, as its object tells it. */
export interface ServiceFacts {
  /** `namespace/name`. */
  readonly key: string;
  readonly loadBalancerClass: string | null;
  readonly addresses: readonly string[];
  /** What its annotation says. */
  readonly pool: string;
  /** The message of its condition `metallb.io/Allocated` while that is not True; empty otherwise. */
  readonly pending: string;
}

export interface Around {
  /** The class that the controller and the speakers serve (`--lb-class`); null: Services without a class. */
  readonly ourClass: string | null;
  /** Null: it does not answer. */
  readonly controller: ControllerState | null;
  readonly voices: readonly NodeVoice[];
}

/** Puts together what the object, the controller and the speakers say of one Service. */
export function serviceView(service: ServiceFacts, { ourClass, controller, voices }: Around): ServiceView {
  const { key, addresses, pool } = service;
  const foreign = foreignTo(ourClass, service.loadBalancerClass);
  if (foreign !== "") {
    return { key, addresses, pool, pending: "", refusedBy: [], foreign, announcedFrom: [], refusals: [] };
  }
  const refusal = controller?.refusals.get(key) ?? null;
  const announced = addresses.length === 0 ? { announcedFrom: [], refusals: [] } : announcementsOf(key, voices);
  // The controller's own words are newer than the condition; the condition is there when it does not answer.
  const pending = refusal?.message ?? (addresses.length === 0 || controller === null ? service.pending : "");
  return { key, addresses, pool, pending, refusedBy: refusal?.pools ?? [], foreign, ...announced };
}

/** Why a Service of this class is not ours; empty when it is. */
export function foreignTo(ours: string | null, its: string | null): string {
  if (ours === its) return "";
  if (its === null) return `it has no spec.loadBalancerClass; MetalLB serves class ${ours} alone (--lb-class)`;
  const serves = ours === null ? "Services without a class" : `class ${ours}`;
  return `its spec.loadBalancerClass is ${its}; MetalLB serves ${serves}`;
}
