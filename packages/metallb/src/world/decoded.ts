import type { FieldProblem } from "#api";
import { keyOf } from "#kube";
import type { Result } from "#net";

/** A custom resource as it counts, or what is wrong with it: both are kept, so that both can be told. */
export type Decoded<T> = { readonly good: T } | { readonly bad: Undecodable };

export interface Undecodable {
  readonly kind: string;
  readonly name: string;
  readonly problems: readonly FieldProblem[];
}

/** A projection for `watch` that never loses an object: one that does not decode is kept with its problems. */
export const decoding =
  <T>(kind: string, decode: (object: unknown) => Result<T, readonly FieldProblem[]>) =>
  (object: unknown): Decoded<T> => {
    const decoded = decode(object);
    if (decoded.ok) return { good: decoded.value };
    const key = keyOf(object) ?? "";
    return { bad: { kind, name: key.slice(key.indexOf("/") + 1), problems: decoded.error } };
  };

export function* good<T>(entries: Iterable<Decoded<T>>): Generator<T> {
  for (const entry of entries) if ("good" in entry) yield entry.good;
}

export function* bad<T>(entries: Iterable<Decoded<T>>): Generator<Undecodable> {
  for (const entry of entries) if ("bad" in entry) yield entry.bad;
}
