import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Folders that hold daemons and that the PATH of an ordinary user often lacks. */
const DAEMON_FOLDERS = ["/usr/sbin", "/sbin", "/usr/local/sbin"] as const;

/** The full path of a program, or null when it is not installed. `more`: further folders, looked at first. */
export function findProgram(name: string, more: readonly string[] = []): string | null {
  return findIn([...more, ...(process.env.PATH ?? "").split(delimiter), ...DAEMON_FOLDERS], name);
}

/** The program in the first of the folders that has it; null when none does. */
export function findIn(folders: readonly string[], name: string): string | null {
  for (const folder of folders) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return null;
}

let deathWrapper: readonly string[] | null = null;

/**
 * The same command, wrapped so that the kernel kills it when this process is gone, however it went:
 * by setpriv of util-linux, where that is installed. The wrapper replaces itself by the program, so
 * the process id is the program's own.
 */
export function diesWithUs(argv: readonly string[]): readonly string[] {
  deathWrapper ??= probeDeathWrapper();
  return [...deathWrapper, ...argv];
}

function probeDeathWrapper(): readonly string[] {
  const setpriv = process.platform === "linux" ? findProgram("setpriv") : null;
  if (setpriv === null) return [];
  const wrapper = [setpriv, "--pdeathsig", "KILL", "--"];
  try {
    execFileSync(setpriv, [...wrapper.slice(1), "true"], { stdio: "ignore" });
    return wrapper;
  } catch {
    return [];
  }
}
