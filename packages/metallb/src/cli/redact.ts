/** What stands in the place of a secret. */
export const REDACTED = "REDACTED";

/** Fields whose text nobody may see. A reference to a Secret is not one: it only names it. */
const SECRET_FIELD = /^(password|token|secretKey|stringData|data|client-key-data|caBundle|authorization)$/i;
/** Written by tools, and full of what others wrote. */
const DROPPED = new Set(["managedFields"]);

/** A copy without secrets, and of annotations and environment only the names and what is MetalLB's own. */
export function redact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !DROPPED.has(name))
      .map(([name, field]) => [name, redactField(name, field)]),
  );
}

function redactField(name: string, field: unknown): unknown {
  if (name === "annotations") return redactAnnotations(field);
  if (name === "env" && Array.isArray(field)) return field.map(redactVariable);
  if (SECRET_FIELD.test(name) && field !== null && field !== "") return REDACTED;
  return typeof field === "string" ? redactText(field) : redact(field);
}

const OURS = /^(metallb\.io|metallb\.universe\.tf)\//;

const redactAnnotations = (field: unknown): unknown =>
  typeof field === "object" && field !== null
    ? Object.fromEntries(Object.entries(field).map(([name, value]) => [name, OURS.test(name) ? value : REDACTED]))
    : field;

const redactVariable = (variable: unknown): unknown => {
  if (typeof variable !== "object" || variable === null || !("value" in variable)) return redact(variable);
  const { name } = variable as { readonly name?: unknown };
  return typeof name === "string" && name.startsWith("METALLB_") ? variable : { ...variable, value: REDACTED };
};

/** Bearer tokens, keys and passwords in running text, such as a line of a log. */
export const redactText = (text: string): string =>
  text
    .replace(/\b(Bearer|Basic)\s+[\w.~+/-]{8,}=*/gi, `$1 ${REDACTED}`)
    .replace(/("?(?:password|token|secret)"?\s*[:=]\s*)("[^"]*"|[^\s,}"]+)/gi, `$1"${REDACTED}"`)
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, REDACTED)
    .replace(/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g, REDACTED);
