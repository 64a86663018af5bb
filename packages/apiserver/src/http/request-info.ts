/** What a path under /api or /apis asks for. */
export interface RequestInfo {
  readonly group: string;
  readonly version: string;
  /** null for the whole cluster. */
  readonly namespace: string | null;
  readonly plural: string;
  readonly name: string | null;
  readonly subresource: string | null;
}

/** Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`; null for any other path. */
export function parsePath(path: string): RequestInfo | null {
  let parts: string[];
  try {
    parts = path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return null;
  }
  const core = parts[0] === "api";
  if (!core && parts[0] !== "apis") return null;
  const [group, version, ...rest] = core ? ["", ...parts.slice(1)] : parts.slice(1);
  if (group === undefined || !version || rest.length === 0 || rest.some((part) => part === "")) return null;
  // `namespaces/x/services` is inside a namespace, `namespaces/x/status` is about one.
  const inside = rest[0] === "namespaces" && rest.length >= 3 && !["status", "finalize"].includes(rest[2] ?? "");
  const [plural, name, subresource, ...more] = inside ? rest.slice(2) : rest;
  if (plural === undefined || more.length > 0) return null;
  const namespace = inside ? (rest[1] ?? null) : null;
  return { group, version, namespace, plural, name: name ?? null, subresource: subresource ?? null };
}
