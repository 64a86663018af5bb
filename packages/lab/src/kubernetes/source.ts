import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { type GoVersion, readGoDirective } from "./go.ts";

/** The one program, which is started under each of these names. */
export const PROGRAM_NAMES = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kube-proxy",
  "kubelet",
  "kubectl",
] as const;
export type ProgramName = (typeof PROGRAM_NAMES)[number];

export const SOURCE_FOLDER = join(import.meta.dirname, "program");

/** What the program is built from and for, in 12 hexadecimal digits. */
export function sourceHash(): string {
  const hash = createHash("sha256").update(`${platform()} ${arch()}`);
  for (const file of ["main.go", "go.mod", "go.sum"]) hash.update(readFileSync(join(SOURCE_FOLDER, file)));
  return hash.digest("hex").slice(0, 12);
}

/** The Kubernetes that go.mod names, such as `v1.36.3`. */
export function sourceVersion(): string {
  const version = /^\tk8s\.io\/kubernetes (v\S+)$/m.exec(goMod())?.[1];
  if (version === undefined) throw new Error("the program's go.mod names no version of k8s.io/kubernetes");
  return version;
}

/** The Go that go.mod asks for. */
export function sourceGo(): GoVersion {
  const version = readGoDirective(goMod());
  if (version === null) throw new Error("the program's go.mod names no version of Go");
  return version;
}

const goMod = () => readFileSync(join(SOURCE_FOLDER, "go.mod"), "utf8");
