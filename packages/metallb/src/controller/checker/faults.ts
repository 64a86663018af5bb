import { Allocator } from "#allocator";
import type { AddressSource } from "../decider.ts";

/** Faults to plant: each must be noticed. */
export interface Faults {
  /** An address is given before the write that frees it is confirmed. */
  readonly unordered?: true;
  /** Writes do not ask for the lead. */
  readonly unguarded?: true;
  /** The lead is asked for before the read alone, not again before the write. */
  readonly guardedOnce?: true;
  /** Writes do not ask which version is there. */
  readonly unconditional?: true;
  /** What the status says is not adopted. */
  readonly forgetful?: true;
  /** A failed write counts as done. */
  readonly swallowing?: true;
  /** Who waits is told something else each time. */
  readonly chatty?: true;
  /** The holder gives the lead up later than others take it. */
  readonly overlong?: true;
  /** The lead is handed over although a write may arrive yet. */
  readonly hasty?: true;
}

export function sourceOf({ forgetful, chatty }: Faults): AddressSource {
  const allocator = new Allocator();
  if (!forgetful && !chatty) return allocator;
  let count = 0;
  return {
    outcomes: allocator.outcomes,
    usage: () => allocator.usage(),
    wakeAt: null,
    decide: (world, changes) => {
      const services = {
        keys: () => world.services.keys(),
        get: (key: string) => {
          const service = world.services.get(key);
          return service && forgetful ? { ...service, ingress: [] } : service;
        },
      };
      const decisions = allocator.decide({ ...world, services }, changes);
      if (!chatty) return decisions;
      return decisions.map((decision) =>
        decision.outcome.kind === "refused"
          ? {
              ...decision,
              outcome: { ...decision.outcome, refusal: { ...decision.outcome.refusal, message: `no ${count++}` } },
            }
          : decision,
      );
    },
  };
}
