import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Api, connect } from "./cluster.ts";
import { type Cluster, embedded, prepare } from "./speaker.ts";

export interface BundledCluster {
  /** The folder with the files that an image holds. */
  readonly bundle: string;
  readonly cluster: Cluster;
  readonly api: Api;
}

/** Makes the bundle and a cluster for it, and removes both afterwards. */
export async function withBundledCluster<T>(run: (made: BundledCluster) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "metallb-bench-"));
  try {
    const bundle = join(folder, "bundle");
    execFileSync(process.execPath, [join(import.meta.dirname, "../scripts/bundle.ts"), bundle]);
    const cluster = await embedded(folder);
    try {
      const api = connect(readFileSync(cluster.kubeconfig, "utf8"));
      await prepare(api);
      const result = await run({ bundle, cluster, api });
      api.close();
      return result;
    } finally {
      await cluster.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
