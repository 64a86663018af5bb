import type { EndpointSlice, Labels, Namespace, Node, Secret, Service } from "#api";
import type { Decoded } from "./decoded.ts";

// Whether two projections say the same to whoever reads them. What no decision reads (resourceVersion,
// heartbeats, another object's bookkeeping) makes no difference, so it wakes nobody.

/** Equal in everything, as deep as it goes; for values as JSON has them. */
function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameValue(left[name], right[name]))
  );
}

/** Equal but for the fields that say which version of the object it is. */
function sameBut<T extends object>(a: T, b: T, ignored: readonly string[]): boolean {
  const strip = (object: T): object =>
    Object.fromEntries(Object.entries(object).filter(([name]) => !ignored.includes(name)));
  return sameValue(strip(a), strip(b));
}

const VERSION = ["resourceVersion"] as const;

const sameLabels = (a: { readonly labels: Labels }, b: { readonly labels: Labels }): boolean =>
  sameValue(a.labels, b.labels);

export const sameService = (a: Service, b: Service): boolean => sameBut(a, b, VERSION);

export const sameSlice = (a: EndpointSlice, b: EndpointSlice): boolean =>
  a.serviceKey === b.serviceKey && sameValue(a.endpoints, b.endpoints);

export const sameNode = (a: Node, b: Node): boolean =>
  a.networkUnavailable === b.networkUnavailable && a.drain === b.drain && sameLabels(a, b);

export const sameNamespace = (a: Namespace, b: Namespace): boolean => sameLabels(a, b);

export const sameSecret = (a: Secret, b: Secret): boolean => a.type === b.type && a.password === b.password;

/** A custom resource: its spec, labels and identity count, its status and its versions do not. */
export function sameDecoded<T extends object>(a: Decoded<T>, b: Decoded<T>): boolean {
  if ("bad" in a || "bad" in b) return "bad" in a && "bad" in b && sameValue(a.bad, b.bad);
  return sameBut(a.good, b.good, ["resourceVersion", "generation"]);
}
