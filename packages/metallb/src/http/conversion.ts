import type { Result } from "#net";

type Fields = Readonly<Record<string, unknown>>;

/** The object in another version (`group/version`), or why not. */
export type Convert = (object: unknown, apiVersion: string) => Result<unknown>;

/** CRDs of old ask in v1beta1, since their list names versions of the resource and not of the review. */
const VERSIONS: readonly unknown[] = ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"];
/** So many objects are converted at once; more than a page of a list never comes. */
const MAX_OBJECTS = 10_000;

/** Answers a ConversionReview in the version it came in; null for what is none. All objects are converted, or none. */
export function convertReview(body: unknown, convert: Convert): Fields | null {
  const review = asFields(body);
  const { uid, desiredAPIVersion, objects } = asFields(review.request);
  if (review.kind !== "ConversionReview" || !VERSIONS.includes(review.apiVersion)) return null;
  if (typeof uid !== "string" || typeof desiredAPIVersion !== "string" || !Array.isArray(objects)) return null;
  const answer = (response: Fields): Fields => ({
    apiVersion: review.apiVersion,
    kind: "ConversionReview",
    response: { uid, ...response },
  });
  const refuse = (message: string): Fields => answer({ convertedObjects: [], result: { status: "Failed", message } });
  if (objects.length > MAX_OBJECTS) return refuse(`more than ${MAX_OBJECTS} objects at once`);
  const convertedObjects: unknown[] = [];
  for (const object of objects as readonly unknown[]) {
    const converted = convert(object, desiredAPIVersion);
    if (!converted.ok) return refuse(converted.error.slice(0, 1024));
    convertedObjects.push(converted.value);
  }
  return answer({ convertedObjects, result: { status: "Success" } });
}

const asFields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
