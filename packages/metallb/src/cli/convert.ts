import type { Command } from "commander";
import { stringify } from "yaml";
import { convertLegacy, type LegacyProblem } from "#legacy";
import { readObjects, readSource, type SourceObject } from "./documents.ts";
import type { Outcome } from "./outcome.ts";

export function addConvertCommand(program: Command, outcome: Outcome): void {
  program
    .command("convert")
    .description("print today's objects for a configuration of MetalLB 0.1 to 0.12 (a ConfigMap, or its text)")
    .argument("<file>", "YAML file; - is standard input")
    .option("-n, --namespace <name>", "namespace of the objects", "metallb-system")
    .action((file: string, { namespace }: { readonly namespace: string }) => {
      const text = readSource(file);
      const objects = text.ok ? readObjects(file, text.value) : text;
      if (!objects.ok) {
        const errors = Array.isArray(objects.error) ? objects.error : [objects.error];
        for (const { line, message } of errors) console.error(`${file}${line === null ? "" : `:${line}`}: ${message}`);
        outcome.exitCode = 1;
        return;
      }
      const converted = objects.value.map((object) => convertOne(file, object, namespace, outcome));
      if (outcome.exitCode !== 0) return;
      const documents = converted.flat().map((object) => stringify(object, { lineWidth: 0 }));
      const source = file === "-" ? "standard input" : file;
      process.stdout.write(`# Made by metallb convert from ${JSON.stringify(source)}.\n${documents.join("---\n")}`);
    });
}

/** Objects of one document; what is wrong goes to standard error, with its line. */
function convertOne(file: string, object: SourceObject, namespace: string, outcome: Outcome): readonly object[] {
  const { config, lineOf, error } = configOf(object);
  const tell = (kind: string, { path, message }: LegacyProblem): void =>
    console.error(`${file}:${lineOf(path)}: ${kind}${path === "" ? "" : `${path}: `}${message}`);
  if (error !== null) {
    tell("error: ", { path: "", message: error });
    outcome.exitCode = 1;
    return [];
  }
  const result = convertLegacy(config, namespace);
  for (const problem of result.ok ? result.value.notes : result.error) tell(result.ok ? "note: " : "error: ", problem);
  if (result.ok) return result.value.objects;
  outcome.exitCode = 1;
  return [];
}

/** The configuration in a document: a ConfigMap's key `config`, a chart's `configInline`, or the document itself. */
function configOf(object: SourceObject): {
  readonly config: unknown;
  readonly lineOf: (path: string) => number;
  readonly error: string | null;
} {
  const { kind, data, configInline } = (object.value ?? {}) as Readonly<Record<string, unknown>>;
  if (configInline !== undefined)
    return { config: configInline, lineOf: (path) => object.lineOf(`configInline.${path}`), error: null };
  if (kind === undefined) return { config: object.value, lineOf: (path) => object.lineOf(path), error: null };
  const whole = () => object.lineOf("data.config");
  const fail = (error: string) => ({ config: null, lineOf: whole, error });
  if (kind !== "ConfigMap") return fail(`is a ${JSON.stringify(kind).slice(0, 60)}, and no ConfigMap`);
  const text = ((data ?? {}) as Readonly<Record<string, unknown>>).config;
  if (typeof text !== "string") return fail("the ConfigMap has no key config");
  const inner = readObjects(object.file, text);
  if (!inner.ok) return fail(`its key config: ${inner.error[0]?.message ?? "is no YAML"}`);
  const [first] = inner.value;
  // In a block of text the first line is the one after its key.
  return { config: first?.value, lineOf: (path) => whole() + (first?.lineOf(path) ?? 1), error: null };
}
