import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findGo } from "@metallb-ts/lab/kubernetes";

/** Programs of others that are fetched and built by module name, in one fixed version each. */
const TOOLS = {
  helm: { module: "helm.sh/helm/v3/cmd/helm", version: "v3.22.0", go: { minor: 25, patch: 0 } },
} as const;
export type GoTool = keyof typeof TOOLS;
export const isGoTool = (name: string): name is GoTool => Object.hasOwn(TOOLS, name);

/** Where the program is once it was built: in the user's cache folder, named by its version. */
export function goTool(name: GoTool): string {
  const { env } = process;
  const cache = join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "metallb-ts");
  return join(cache, `${name}-${TOOLS[name].version}`, name);
}

export function hasGoTool(name: GoTool): boolean {
  try {
    accessSync(goTool(name), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Builds the program unless it is there: one to two minutes. What fails is told, and its tests say so themselves. */
export async function buildGoTool(name: GoTool, say: (line: string) => void): Promise<void> {
  if (hasGoTool(name)) return;
  const { module, version, go: wanted } = TOOLS[name];
  say(`building ${name} ${version}`);
  const target = goTool(name);
  const folder = join(target, "..");
  const building = `${folder}.${process.pid}`;
  try {
    const go = await findGo(wanted, process.env, say);
    mkdirSync(building, { recursive: true });
    const env = { ...process.env, ...go.env, GOBIN: building, GOFLAGS: "-mod=mod", GOWORK: "off" };
    const { status, stderr } = spawnSync(go.program, ["install", `${module}@${version}`], { env, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr.trim().split("\n").slice(-3).join("\n"));
    if (!existsSync(folder)) renameSync(building, folder);
  } catch (error) {
    say(`${name} could not be built, going on without: ${(error as Error).message}`);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/** Where the files of a Go module are, fetched unless they are there: for what others publish as no program. */
export async function goModule(module: string, version: string): Promise<string> {
  const go = await findGo({ minor: 21, patch: 0 }, process.env, () => {});
  const env = { ...process.env, ...go.env, GOFLAGS: "-mod=mod", GOWORK: "off" };
  // Outside of any module, so that nothing here is touched.
  const asked = spawnSync(go.program, ["mod", "download", "-json", `${module}@${version}`], {
    env,
    cwd: tmpdir(),
    encoding: "utf8",
  });
  const { Dir, Error: trouble } = JSON.parse(asked.stdout || "{}") as {
    readonly Dir?: string;
    readonly Error?: string;
  };
  if (Dir === undefined) throw new Error(`${module}@${version}: ${trouble ?? asked.stderr}`);
  return Dir;
}
