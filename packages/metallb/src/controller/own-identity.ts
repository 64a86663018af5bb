import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Where a process is, so that another one may say whether it still runs: null where this system does not tell. */
interface Place {
  /** The boot and the PID namespace; a PID means something only there. */
  readonly where: string;
  readonly pid: number;
  /** In clock ticks since the boot: tells one process from a later one of the same PID. */
  readonly startedAt: string;
}

/** `HOST_PID-STARTED-WHERE_UUID`: who this process is in an election without a Pod. */
export function ownIdentity(): string {
  const place = placeOf(process.pid);
  const text = place ? `${place.pid}-${place.startedAt}-${place.where}` : "0-0-0";
  return `${hostname()}_${text}_${randomUUID().slice(0, 8)}`;
}

/**
 * Whether the one of that identity was a process of this machine that has ended, killed for example: its Lease need
 * not be waited for. False whenever that is not certain.
 */
export function hasEnded(identity: string): boolean {
  const [host, text = ""] = identity.split("_");
  const [pid = "", startedAt, where, ...rest] = text.split("-");
  const here = placeOf(process.pid);
  if (host !== hostname() || where === undefined || rest.length > 0 || here?.where !== where) return false;
  if (!/^[1-9]\d{0,8}$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // Not EPERM: it runs as another user.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const there = statOf(Number(pid));
  return there !== null && (there.startedAt !== startedAt || there.isDead);
}

function placeOf(pid: number): Place | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
    const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0];
    const stat = statOf(pid);
    return stat && namespace ? { where: `${boot}.${namespace}`, pid, startedAt: stat.startedAt } : null;
  } catch {
    return null;
  }
}

/** Of /proc/PID/stat, after the name in brackets, which may hold anything: the state (3rd) and the start (22nd). */
function statOf(pid: number): { readonly startedAt: string; readonly isDead: boolean } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state = ""] = fields;
    const startedAt = fields[19];
    return startedAt ? { startedAt, isDead: state === "Z" || state === "X" } : null;
  } catch {
    return null;
  }
}
