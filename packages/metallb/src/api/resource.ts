import { z } from "zod";
import { err, ok, type Result } from "#net";

/** What is wrong with one field of an object from outside. */
export interface FieldProblem {
  /** Such as `spec.addresses[0]`; empty for the whole object. */
  readonly path: string;
  readonly message: string;
}

/** What every projected custom resource carries of its metadata. */
export interface ResourceMeta {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Only those whose name starts with `metallb.io/`. */
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 as written; of two objects that conflict the older counts. Empty: not stored yet. */
  readonly creationTimestamp: string;
  /** What does not meet the schema and was left out, so that the rest could be read. */
  readonly faults: readonly FieldProblem[];
}

/** One served version of a kind. */
export interface VersionDefinition<Spec extends z.ZodType = z.ZodType, Status extends z.ZodType = z.ZodType> {
  readonly version: string;
  readonly storage: boolean;
  readonly deprecationWarning?: string;
  readonly spec: Spec;
  /** Null: the kind has no spec field at all. */
  readonly specRequired: boolean;
  readonly status: Status;
  readonly columns: readonly PrinterColumn[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: only with `-o wide`. */
  readonly priority?: number;
}

/** One custom resource: everything that the CRD, the type and the decoder are made of. */
export interface ResourceDefinition {
  /** Absent: metallb.io. */
  readonly group?: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly description: string;
  readonly versions: readonly VersionDefinition[];
}

const metadata = z.object({
  name: z.string().min(1).max(253),
  namespace: z.string().max(253).default(""),
  uid: z.string().default(""),
  resourceVersion: z.string().default(""),
  generation: z.number().int().default(0),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z
    .record(z.string(), z.string())
    .nullish()
    .transform((all) =>
      Object.fromEntries(Object.entries(all ?? {}).filter(([name]) => name.startsWith("metallb.io/"))),
    ),
  creationTimestamp: z
    .string()
    .nullish()
    .transform((text) => text ?? ""),
});

/**
 * Reads an object of the API. Fields that the schema does not name are left out; defaults are filled in.
 * `spare`: the least that the schema accepts; then an object of which a part does not meet the schema is read
 * without that part, and `faults` tells. Without it such an object is an error.
 */
export const decodeResource = <S extends z.ZodType>(schema: S, object: unknown, spare: z.input<S> | null = null) =>
  decodePart("spec", schema, object, spare);

/** The same for kinds that are nothing but a status. */
export const decodeStatus = <S extends z.ZodType>(schema: S, object: unknown) =>
  decodePart("status", schema, object, null);

function decodePart<S extends z.ZodType, P extends "spec" | "status">(
  part: P,
  schema: S,
  object: unknown,
  spare: z.input<S> | null,
): Result<ResourceMeta & { readonly [part in P]: z.output<S> }, readonly FieldProblem[]> {
  const fields = (object ?? {}) as { readonly [field: string]: unknown };
  const meta = metadata.safeParse(fields.metadata ?? {});
  const read = schema.safeParse(fields[part] ?? {});
  const body = !read.success && spare !== null ? repair(schema, fields[part], read.error, spare) : read;
  const faults = problems(part, read.error);
  if (!meta.success || !body.success) return err([...problems("metadata", meta.error), ...faults]);
  const { name, namespace } = meta.data;
  const head: ResourceMeta = { ...meta.data, key: namespace === "" ? name : `${namespace}/${name}`, faults };
  return ok({ ...head, ...({ [part]: body.data } as { readonly [part in P]: z.output<S> }) });
}

/** The object without what the schema refuses: items of lists, else whole fields of the spec. */
function repair<S extends z.ZodType>(schema: S, value: unknown, error: z.ZodError, spare: z.input<S>) {
  const copy: Record<string, unknown> = { ...(value as object) };
  const refused = new Map<string, Set<unknown>>();
  for (const { path } of error.issues) {
    const [field, index] = path;
    const items = refused.get(String(field)) ?? new Set();
    refused.set(String(field), items.add(index));
  }
  for (const [field, items] of refused) {
    const list = copy[field];
    copy[field] = Array.isArray(list)
      ? list.filter((_, i) => !items.has(i))
      : (spare as Record<string, unknown>)[field];
  }
  const read = schema.safeParse(copy);
  return read.success ? read : schema.safeParse(spare);
}

/** A path can hold a key of the user's, of any length. */
const MAX_PATH = 200;

const problems = (root: string, error: z.ZodError | undefined): FieldProblem[] =>
  (error?.issues ?? []).slice(0, 20).map((issue) => ({
    path: issue.path
      .reduce<string>((path, part) => (typeof part === "number" ? `${path}[${part}]` : `${path}.${String(part)}`), root)
      .slice(0, MAX_PATH),
    message: issue.message,
  }));
