import type { ClusterFacts, FactKind } from "#explain";
import { nameOf, RESOURCES, type Reflector, watch } from "#kube";
import type { Instant } from "#net";
import type { Connection } from "./connect.ts";
import { fieldsOf } from "./json.ts";
import { OWN_KINDS, type ReadOptions, readFacts } from "./read-facts.ts";

/** How old what the Pods tell may be, in milliseconds: each state may be megabytes, so with more Pods it may be older. */
const agePermitted = (pods: number): number => 3_000 + 250 * pods;

/** A cluster that is watched: what it says now costs no request, but for what the Pods tell. */
export interface WatchedFacts {
  /** The same object as before while nothing changed. */
  now(): Promise<ClusterFacts>;
  close(): void;
}

/** What is asked for again and again: Pods, and what they tell. */
interface Told {
  readonly at: Instant;
  readonly states: ClusterFacts["states"];
  readonly pods: readonly unknown[] | null;
  readonly problems: readonly string[];
}

/**
 * Reads everything once, then watches: an API server with ten thousand Services is not asked for all of them again.
 * What could not be read is tried again too, so that a right which is granted meanwhile is seen.
 */
export async function watchFacts(connection: Connection, options: ReadOptions): Promise<WatchedFacts> {
  const first = await readFacts(connection, options);
  const { namespace } = first;
  let last: { readonly trouble: string; readonly facts: ClusterFacts } | null = null;
  const changed = () => {
    last = null;
  };
  const problems = new Map<FactKind, string>();
  const reflectors = new Map<FactKind, Reflector<unknown>>();
  for (const kind of options.kinds) {
    if (kind === "pods") continue;
    const tell = (message: string | null) => {
      if (problems.get(kind) === (message ?? undefined)) return;
      if (message === null) problems.delete(kind);
      else problems.set(kind, message);
      changed();
    };
    if (first.objects[kind] == null) tell(problemOf(kind, first.problems));
    const reflector = watch(connection.client, RESOURCES[kind], {
      ...(OWN_KINDS.has(kind) ? { namespace } : {}),
      project: lean,
      // What it said at first stays as it was said, for as long as that kind has never been read.
      onTrouble: (message) =>
        tell(first.objects[kind] == null && !reflector.isSynced ? (problems.get(kind) ?? message) : message),
      onWell: () => tell(null),
    });
    void reflector.synced.then(() => tell(null));
    reflector.onChange(changed);
    reflectors.set(kind, reflector);
    reflector.start();
  }
  const known = new Set(problems.values());
  // Of no kind that is watched: Pods, and what they tell.
  const others = first.problems.filter((problem) => !known.has(problem));
  let told: Told = { at: performance.now(), states: first.states, pods: first.objects.pods ?? null, problems: others };
  const refresh = async () => {
    if (performance.now() - told.at < agePermitted(told.states.size)) return;
    const wanted = options.kinds.includes("pods") ? (["pods"] as const) : [];
    const now = await readFacts(connection, { namespace, kinds: wanted, states: options.states });
    told = { at: performance.now(), states: now.states, pods: now.objects.pods ?? null, problems: now.problems };
    changed();
  };
  const assemble = (trouble: string): ClusterFacts => {
    const watched = [...reflectors].map(([kind, reflector]) => [
      kind,
      reflector.isSynced ? [...reflector.store.values()] : first.objects[kind],
    ]);
    const all = [...told.problems, ...problems.values(), ...(trouble === "" ? [] : [trouble])];
    return {
      ...first,
      objects: { ...first.objects, ...Object.fromEntries(watched), pods: told.pods },
      states: told.states,
      problems: [...new Set(all)],
    };
  };
  return {
    async now() {
      const trouble = await refresh().then(
        () => "",
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      if (last === null || last.trouble !== trouble) last = { trouble, facts: assemble(trouble) };
      return last.facts;
    },
    close() {
      for (const reflector of reflectors.values()) reflector.stop();
    },
  };
}

const problemOf = (kind: FactKind, problems: readonly string[]): string | null =>
  problems.find((problem) => problem.split(/[\s:]+/).includes(nameOf(RESOURCES[kind]))) ?? null;

/** Who wrote which field is half of an object, and nobody here reads it. */
function lean(object: unknown): unknown {
  const { metadata, ...rest } = fieldsOf(object);
  const { managedFields: _, ...kept } = fieldsOf(metadata);
  return { ...rest, metadata: kept };
}
