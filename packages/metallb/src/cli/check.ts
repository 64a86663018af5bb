import { setTimeout as pause } from "node:timers/promises";
import type { Command } from "commander";
import { ApiError, createClient, type KubeClient, loadCluster, RESOURCES, type Resource } from "#kube";
import { checkObjects, type Finding, identityOf } from "./check-resources.ts";
import { readObjects, readSource, type SourceError, type SourceObject } from "./documents.ts";
import type { Outcome } from "./outcome.ts";

interface Options {
  readonly namespace: string;
  readonly againstCluster?: boolean;
  readonly kubeconfig?: string;
}

export function addCheckCommand(program: Command, outcome: Outcome): void {
  program
    .command("check")
    .description("say what is wrong with a configuration before it is applied")
    .argument("<files...>", "YAML or JSON files; - is standard input")
    .option("-n, --namespace <name>", "namespace of MetalLB", "metallb-system")
    .option("--against-cluster", "add what the running cluster holds already")
    .option("--kubeconfig <file>", "of the cluster; else KUBECONFIG or ~/.kube/config")
    .action(async (files: readonly string[], options: Options) => {
      const { objects, errors } = readAll(files);
      for (const { file, line, message } of errors)
        console.log(`${file}${line === null ? "" : `:${line}`}: ${message}`);
      const held = options.againstCluster ? await readCluster(options) : [];
      const findings = errors.length > 0 ? [] : check(objects, held, options.namespace);
      for (const line of findings) console.log(line);
      if (errors.length > 0 || findings.length > 0) outcome.exitCode = 1;
      else console.log(`${objects.length} objects, nothing wrong`);
    });
}

function readAll(files: readonly string[]): {
  readonly objects: readonly SourceObject[];
  readonly errors: readonly SourceError[];
} {
  const objects: SourceObject[] = [];
  const errors: SourceError[] = [];
  for (const file of files) {
    const source = readSource(file);
    const read = source.ok ? readObjects(file, source.value) : source;
    if (read.ok) objects.push(...read.value);
    else errors.push(...(Array.isArray(read.error) ? read.error : [read.error]));
  }
  return { objects, errors };
}

/** One line a finding: of the files', and of what the cluster holds where the files make it wrong. */
function check(sources: readonly SourceObject[], held: readonly unknown[], namespace: string): readonly string[] {
  const byIdentity = new Map<string, SourceObject[]>();
  for (const source of sources) {
    const same = byIdentity.get(keyOf(source.value));
    if (same) same.push(source);
    else byIdentity.set(keyOf(source.value), [source]);
  }
  const lines: string[] = [];
  for (const [identity, [, ...again]] of byIdentity)
    for (const source of again)
      if (isNamed(source, namespace))
        lines.push(`${source.file}:${source.lineOf("metadata.name")}: ${identity.replace("/", " ")} is there twice`);
  const stands = new Map(held.map((object) => [keyOf(object), object]));
  const others = held.filter((object) => {
    return !byIdentity.has(keyOf(object));
  });
  const given = sources.map(({ value }) => aged(value, stands.get(keyOf(value))));
  const before = new Set(checkObjects(held, namespace).map(textOf));
  for (const finding of checkObjects([...others, ...given], namespace)) {
    const { kind, name, path, message } = finding;
    const [source] = byIdentity.get(`${kind}/${name}`) ?? [];
    const what = `${kind} ${name}: ${path === "" ? "" : `${path}: `}${message}`;
    if (source) lines.push(`${source.file}:${source.lineOf(path)}: ${what}`);
    else if (!before.has(textOf(finding))) lines.push(`cluster: ${what}`);
  }
  return lines;
}

const keyOf = (object: unknown): string => {
  const { kind, name } = identityOf(object);
  return `${kind}/${name}`;
};

/** Of two that conflict the older counts: an edited object is as old as it was, a new one the youngest. */
function aged(value: unknown, before: unknown): unknown {
  const { metadata, ...object } = (value ?? {}) as { readonly metadata?: object };
  const { creationTimestamp } = ((before as typeof object & { readonly metadata?: object })?.metadata ?? {}) as {
    readonly creationTimestamp?: string;
  };
  return { ...object, metadata: { ...metadata, creationTimestamp: creationTimestamp ?? "9999-12-31T23:59:59Z" } };
}

const isNamed = ({ value }: SourceObject, namespace: string): boolean => {
  const { name, namespace: own } = identityOf(value);
  return name !== "" && (own === "" || own === namespace);
};

const textOf = (finding: Finding): string => JSON.stringify(finding);

const OWN = [
  RESOURCES.ipaddresspools,
  RESOURCES.communities,
  RESOURCES.bgpadvertisements,
  RESOURCES.l2advertisements,
  RESOURCES.bgppeers,
  RESOURCES.bfdprofiles,
  RESOURCES.secrets,
] as const;

async function readCluster({ namespace, kubeconfig = "" }: Options): Promise<readonly unknown[]> {
  const cluster = loadCluster({ kubeconfig, env: process.env });
  if (!cluster.ok) throw new Error(`cannot reach Kubernetes: ${cluster.error}`);
  const client = createClient(cluster.value, { userAgent: "metallb" });
  try {
    const lists = OWN.map((resource) => readKind(client, resource, namespace));
    return (await Promise.all([...lists, readKind(client, RESOURCES.namespaces)])).flat();
  } finally {
    client.close();
  }
}

/** Items of a list do not name their kind. */
async function readKind(client: KubeClient, resource: Resource, namespace?: string): Promise<readonly unknown[]> {
  const { group, version, kind } = resource;
  const { items = [] } = await patiently(() => client.list(resource, { namespace }));
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return items.map((item) => ({ ...(item as object), apiVersion, kind }));
}

/** How often a busy API server is asked again, and the longest pause before it, milliseconds. */
const TRIES = 5;
const LONGEST = 5_000;

/** An API server that has just begun to serve a kind, or is busy, says when to ask again (429 with Retry-After). */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 429 || tries === TRIES) throw error;
      await pause(Math.min(error.retryAfter ?? 1_000, LONGEST));
    }
  }
}
