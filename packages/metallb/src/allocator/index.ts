export { AddressIndex, type Conflict, type Holder, type Holding } from "./address-index.ts";
export { type AllocationChanges, type AllocationWorld, Allocator, type PoolUsage } from "./allocator.ts";
export type { Decision, Desired, Note, Outcome } from "./decision.ts";
export {
  POOL_REASONS,
  type PoolReasonCode,
  type PoolVerdict,
  REASONS,
  type ReasonCode,
  type Refusal,
} from "./reasons.ts";
export type { Wish } from "./waiters.ts";
