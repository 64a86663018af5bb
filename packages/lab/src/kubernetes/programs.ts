import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "#base";
import { type BuildOptions, build } from "./build.ts";
import { PROGRAM_NAMES, type ProgramName, sourceHash, sourceVersion } from "./source.ts";
import { KubernetesUnavailable } from "./unavailable.ts";

/** Full paths of the programs of a real control plane. */
export interface KubernetesPrograms {
  readonly folder: string;
  /** Such as `v1.36.3`; empty where the program does not tell. */
  readonly version: string;
  readonly etcd: string;
  readonly apiServer: string;
  /** Null: Kubernetes makes no EndpointSlices. */
  readonly controllerManager: string | null;
  /** Null: Kubernetes does not forward on the nodes. */
  readonly kubeProxy: string | null;
  readonly kubectl: string | null;
  /** What cannot be had with these programs, in sentences; empty when all are there. */
  readonly missing: readonly string[];
}

export interface FindOptions extends BuildOptions {
  /** Where the programs are kept once built; default: the user's cache folder. */
  readonly cacheFolder?: string;
}

/**
 * The programs in `$KUBEBUILDER_ASSETS` where that is set, as other projects' tests have it; else
 * those that were built before; else they are built now, which takes minutes, Go and 4 GB of disk.
 * Rejects with `KubernetesUnavailable`.
 */
export async function findOrBuild(options: FindOptions): Promise<KubernetesPrograms> {
  const given = options.env.KUBEBUILDER_ASSETS;
  if (given) return takeGiven(given);
  const built = findBuilt(options);
  return built ?? programsIn(await build(folderOfBuild(options), options), sourceVersion());
}

/** What `findOrBuild` would return without building anything; null: it would have to build. */
export function findBuilt(options: Pick<FindOptions, "cacheFolder" | "env">): KubernetesPrograms | null {
  const folder = folderOfBuild(options);
  return isProgram(join(folder, "kube-apiserver")) ? programsIn(folder, sourceVersion()) : null;
}

/** Named by what it is built from, so that another version never meets an older build. */
function folderOfBuild({ cacheFolder, env }: Pick<FindOptions, "cacheFolder" | "env">): string {
  const cache = cacheFolder ?? join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "metallb-ts");
  return join(cache, `kubernetes-${sourceHash()}`);
}

async function takeGiven(folder: string): Promise<KubernetesPrograms> {
  const lacking = (["etcd", "kube-apiserver"] as const).filter((name) => !isProgram(join(folder, name)));
  if (lacking.length > 0) {
    throw new KubernetesUnavailable(
      `KUBEBUILDER_ASSETS is ${folder}, but there is no ${lacking.join(" and no ")} in it: unset it, or point it at a folder with etcd, kube-apiserver and kubectl`,
    );
  }
  const version = await run([join(folder, "kube-apiserver"), "--version"]).catch(() => "");
  return programsIn(folder, /v[0-9]\S*/.exec(version)?.[0] ?? "");
}

const CONSEQUENCES: Readonly<Partial<Record<ProgramName, string>>> = {
  "kube-controller-manager": "without kube-controller-manager Kubernetes makes no EndpointSlices: the lab writes them",
  "kube-proxy": "without kube-proxy the nodes do not forward by Kubernetes: the lab's own rules do",
  kubectl: "without kubectl in it, the kubectl on the PATH is used",
};

function programsIn(folder: string, version: string): KubernetesPrograms {
  const optional = (name: ProgramName) => (isProgram(join(folder, name)) ? join(folder, name) : null);
  return {
    folder,
    version,
    etcd: join(folder, "etcd"),
    apiServer: join(folder, "kube-apiserver"),
    controllerManager: optional("kube-controller-manager"),
    kubeProxy: optional("kube-proxy"),
    kubectl: optional("kubectl"),
    missing: PROGRAM_NAMES.filter((name) => optional(name) === null).flatMap((name) => CONSEQUENCES[name] ?? []),
  };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
