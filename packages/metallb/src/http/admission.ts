/** What is asked about one object (AdmissionReview v1, `request`). */
export interface AdmissionRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly namespace: string;
  readonly name: string;
  /** As it is to be; null for DELETE. */
  readonly object: unknown;
  /** As it was; null for CREATE. */
  readonly oldObject: unknown;
}

/** `denied`: why, in a sentence or some. `unreadable`: it is no object of its kind. `failed`: it could not be judged, and whoever asked may come again. */
export type Verdict =
  | { readonly kind: "allowed"; readonly warnings?: readonly string[] }
  | { readonly kind: "denied"; readonly message: string }
  | { readonly kind: "unreadable"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

export type Judge = (request: AdmissionRequest) => Promise<Verdict>;

type Fields = Readonly<Record<string, unknown>>;

const MAX_MESSAGE = 4096;
/** kube-apiserver cuts a warning at 256 runes and all together at 4096. */
const MAX_WARNING = 256;

/** Answers an AdmissionReview; null for what is none. Never throws: a judge that does is a failure told as such. */
export async function admit(body: unknown, judge: Judge): Promise<Fields | null> {
  const review = asFields(body);
  const request = asFields(review.request);
  const { uid, operation } = request;
  if (review.kind !== "AdmissionReview" || review.apiVersion !== "admission.k8s.io/v1" || typeof uid !== "string")
    return null;
  const answer = (response: Fields): Fields => ({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid, ...response },
  });
  if (operation !== "CREATE" && operation !== "UPDATE" && operation !== "DELETE") return answer({ allowed: true });
  let verdict: Verdict;
  try {
    const { object = null, oldObject = null } = request;
    verdict = await judge({
      operation,
      namespace: text(request.namespace),
      name: text(request.name),
      object,
      oldObject,
    });
  } catch (error) {
    verdict = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
  if (verdict.kind === "allowed") {
    const warnings = verdict.warnings?.map((warning) => warning.slice(0, MAX_WARNING)) ?? [];
    return answer({ allowed: true, ...(warnings.length > 0 ? { warnings } : {}) });
  }
  const [code, reason] = REFUSALS[verdict.kind];
  return answer({ allowed: false, status: { code, reason, message: verdict.message.slice(0, MAX_MESSAGE) } });
}

const REFUSALS = {
  denied: [403, "Forbidden"],
  unreadable: [400, "BadRequest"],
  failed: [500, "InternalError"],
} as const;

const asFields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

const text = (value: unknown): string => (typeof value === "string" ? value : "");
