import type { Service } from "#api";
import type { Choice } from "./choose.ts";
import type { Claim } from "./claim.ts";
import type { Holding } from "./holder.ts";
import type { Refusal } from "./reasons.ts";

/** A Service that is to have addresses, in one pass. */
export interface Entry {
  readonly claim: Claim;
  readonly age: string;
  /** What it held when the pass began. */
  readonly before: Holding | null;
}

export interface Kept {
  /** What goes on being held; null: nothing. */
  readonly kept: Choice | null;
  /** Why not all of it; null: all. */
  readonly refusal: Refusal | null;
}

export const ageOf = ({ creationTimestamp, key }: Service): string => `${creationTimestamp} ${key}`;

/** No two are of one age, which ends in the key. */
export const byAge = (a: { readonly age: string }, b: { readonly age: string }): number => (a.age < b.age ? -1 : 1);
