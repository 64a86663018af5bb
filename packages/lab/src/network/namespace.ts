import { readdirSync, readFileSync } from "node:fs";
import { findProgram, run } from "#base";

/** A network namespace that this process made. */
export interface Namespace {
  /** Unique on this machine; says whose it is. */
  readonly name: string;
  /** The same command, run inside. */
  command(argv: readonly string[]): readonly string[];
  /** Lines of `ip`, without the leading `ip`, all inside. */
  ip(lines: readonly string[]): Promise<void>;
}

const FOLDER = "/run/netns";
const PREFIX = "metallb";

let opened = 0;

/**
 * Makes one namespace per role, each with its loopback up, forwarding as a router does, and without
 * waiting for duplicate address detection. On failure none is left.
 * The name holds the process id of the lab and when that process started, so that a later lab can
 * tell whether the owner of a namespace still lives.
 */
export async function openNamespaces(roles: readonly string[]): Promise<ReadonlyMap<string, Namespace>> {
  opened += 1;
  const owner = `${PREFIX}-${process.pid}-${startOf(process.pid)}-${opened}`;
  const spaces = new Map(roles.map((role) => [role, namespace(`${owner}-${role}`)]));
  try {
    await Promise.all(
      [...spaces.values()].map(async (space) => {
        await run([ipProgram(), "netns", "add", space.name]);
        await run(space.command(["sh", "-c", SETTINGS]));
      }),
    );
  } catch (error) {
    await closeNamespaces([...spaces.values()]);
    const message = (error as Error).message;
    if (!/not permitted|Permission denied/i.test(message)) throw error;
    throw new Error(
      `this machine does not let us make network namespaces, not even as root (a container?): ${message}`,
    );
  }
  return spaces;
}

const SETTINGS = [
  "ip link set lo up",
  "cd /proc/sys/net",
  "echo 1 > ipv4/ip_forward",
  "echo 1 > ipv4/fib_multipath_hash_policy",
  "echo 0 > ipv4/conf/all/rp_filter",
  "echo 0 > ipv4/conf/default/rp_filter",
  // Without IPv6 in the kernel there is nothing to set.
  "test -d ipv6 || exit 0",
  "echo 1 > ipv6/conf/all/forwarding",
  "echo 1 > ipv6/fib_multipath_hash_policy",
  "echo 0 > ipv6/conf/default/accept_dad",
  "echo 0 > ipv6/conf/all/accept_dad",
].join("\n");

/** Ends what still runs inside and removes them. Those that are gone already are no error. */
export async function closeNamespaces(spaces: readonly { readonly name: string }[]): Promise<void> {
  await Promise.all(spaces.map(({ name }) => removeNamespace(name)));
}

/** Removes the namespaces of labs that were killed. */
export async function sweepNamespaces(): Promise<void> {
  const stale = namespaceNames().filter((name) => {
    const [, pid, start] = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)-\\d+-`).exec(name) ?? [];
    return pid !== undefined && start !== undefined && startOf(Number(pid)) !== start;
  });
  await closeNamespaces(stale.map((name) => ({ name })));
}

async function removeNamespace(name: string): Promise<void> {
  if (!namespaceNames().includes(name)) return;
  const pids = await run([ipProgram(), "netns", "pids", name]).catch(() => "");
  for (const pid of pids.split("\n").filter((line) => line !== "")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
  // Two labs may sweep the same one at once: what counts is that it is gone.
  await run([ipProgram(), "netns", "delete", name]).catch((error: unknown) => {
    if (namespaceNames().includes(name)) throw error;
  });
}

function namespaceNames(): readonly string[] {
  try {
    return readdirSync(FOLDER);
  } catch {
    return [];
  }
}

function namespace(name: string): Namespace {
  const command = (argv: readonly string[]) => [ipProgram(), "netns", "exec", name, ...argv];
  return {
    name,
    command,
    async ip(lines) {
      await run([ipProgram(), "-n", name, "-batch", "-"], { input: `${lines.join("\n")}\n` });
    },
  };
}

/** When the process started, in clock ticks since boot; null when it is gone. */
function startOf(pid: number): string | null {
  try {
    // The second field is the program's name in parentheses, which may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[19] ?? null;
  } catch {
    return null;
  }
}

const ipProgram = (): string => findProgram("ip") ?? "ip";
