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
});

/** Reads an object of the API. Fields that the schema does not name are left out; defaults are filled in. */
export const decodeResource = <S extends z.ZodType>(schema: S, object: unknown) => decodePart("spec", schema, object);

/** The same for kinds that are nothing but a status. */
export const decodeStatus = <S extends z.ZodType>(schema: S, object: unknown) => decodePart("status", schema, object);

function decodePart<S extends z.ZodType, P extends "spec" | "status">(
  part: P,
  schema: S,
  object: unknown,
): Result<ResourceMeta & { readonly [part in P]: z.output<S> }, readonly FieldProblem[]> {
  const fields = (object ?? {}) as { readonly [field: string]: unknown };
  const meta = metadata.safeParse(fields.metadata ?? {});
  const body = schema.safeParse(fields[part] ?? {});
  if (meta.success && body.success) {
    const { name, namespace } = meta.data;
    const head: ResourceMeta = { ...meta.data, key: namespace === "" ? name : `${namespace}/${name}` };
    return ok({ ...head, ...({ [part]: body.data } as { readonly [part in P]: z.output<S> }) });
  }
  return err([...problems("metadata", meta.error), ...problems(part, body.error)]);
}

const problems = (root: string, error: z.ZodError | undefined): FieldProblem[] =>
  (error?.issues ?? []).slice(0, 20).map((issue) => ({
    path: issue.path.reduce<string>(
      (path, part) => (typeof part === "number" ? `${path}[${part}]` : `${path}.${String(part)}`),
      root,
    ),
    message: issue.message,
  }));
