import { type ClusterFacts, type FactKind, ownPods } from "#explain";
import { RESOURCES, type Reflector, watch } from "#kube";
import type { Connection } from "./connect.ts";
import { fieldsOf } from "./json.ts";
import { OWN_KINDS, type ReadOptions, readFacts, readStates } from "./read-facts.ts";

/** How old what the Pods tell may be, in milliseconds: each state may be megabytes, so with more Pods it may be older. */
const agePermitted = (pods: number): number => 3_000 + 250 * pods;

/** A cluster that is watched: what it says now costs no request, but for what the Pods tell. */
export interface WatchedFacts {
  /** The same object as before while nothing changed. */
  now(): Promise<ClusterFacts>;
  close(): void;
}

/** Reads everything once, then watches: an API server with ten thousand Services is not asked for all of them again. */
export async function watchFacts(connection: Connection, options: ReadOptions): Promise<WatchedFacts> {
  const first = await readFacts(connection, options);
  const { namespace } = first;
  let last: ClusterFacts | null = null;
  const changed = () => {
    last = null;
  };
  const problems = new Map<FactKind, string>();
  const reflectors = new Map<FactKind, Reflector<unknown>>();
  for (const kind of options.kinds) {
    // Without the right to list there is nothing to watch, and the problem is told already.
    if (first.objects[kind] == null || kind === "pods") continue;
    const reflector = watch(connection.client, RESOURCES[kind], {
      ...(OWN_KINDS.has(kind) ? { namespace } : {}),
      project: lean,
      onTrouble: (message) => {
        problems.set(kind, message);
        changed();
      },
    });
    void reflector.synced.then(() => {
      problems.delete(kind);
      changed();
    });
    reflectors.set(kind, reflector);
    reflector.start();
  }
  let states = { at: performance.now(), told: first.states, pods: first.objects.pods ?? null };
  for (const reflector of reflectors.values()) reflector.onChange(changed);
  const refresh = async () => {
    if (performance.now() - states.at < agePermitted(states.told.size)) return;
    const { objects } = await readFacts(connection, { namespace, kinds: ["pods"], states: false });
    const told = options.states
      ? await readStates(connection.client, namespace, ownPods(objects.pods ?? []))
      : new Map<string, unknown>();
    states = { at: performance.now(), told, pods: objects.pods ?? null };
    changed();
  };
  const assemble = (trouble: readonly string[]): ClusterFacts => {
    const watched = [...reflectors].map(([kind, reflector]) => [
      kind,
      reflector.isSynced ? [...reflector.store.values()] : first.objects[kind],
    ]);
    return {
      ...first,
      objects: { ...first.objects, ...Object.fromEntries(watched), pods: states.pods },
      states: states.told,
      problems: [...new Set([...first.problems, ...problems.values(), ...trouble])],
    };
  };
  return {
    async now() {
      try {
        await refresh();
      } catch (error) {
        return assemble([error instanceof Error ? error.message : String(error)]);
      }
      last ??= assemble([]);
      return last;
    },
    close() {
      for (const reflector of reflectors.values()) reflector.stop();
    },
  };
}

/** Who wrote which field is half of an object, and nobody here reads it. */
function lean(object: unknown): unknown {
  const { metadata, ...rest } = fieldsOf(object);
  const { managedFields: _, ...kept } = fieldsOf(metadata);
  return { ...rest, metadata: kept };
}
