export { AddressIndex } from "./address-index.ts";
export type { AllocationChanges, AllocationWorld, PoolUsage } from "./allocation-world.ts";
export { Allocator } from "./allocator.ts";
export type { Ask } from "./ask.ts";
export type { Decision, Desired, Note, Outcome } from "./decision.ts";
export { type Grant, type Grants, NO_IPAM } from "./grants.ts";
export type { Conflict, Holder, Holding } from "./holder.ts";
export type { KeptAddresses, KeptRecord } from "./kept.ts";
export {
  POOL_REASONS,
  type PoolReasonCode,
  type PoolVerdict,
  REASONS,
  type ReasonCode,
  type Refusal,
} from "./reasons.ts";
export type { Wish } from "./waiters.ts";
