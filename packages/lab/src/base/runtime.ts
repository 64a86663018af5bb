import { readFileSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** A process as it can be recognised later: numbers are used again, start times are not. */
export interface ProcessMark {
  readonly name: string;
  readonly pid: number;
  /** In the kernel's ticks since boot; null where it cannot be told. */
  readonly startTime: string | null;
}

/** What a lab writes down about itself, so that a second shell finds it and a later lab can clean up after it. */
export interface LabRecord {
  readonly name: string;
  readonly lab: ProcessMark;
  readonly children: readonly ProcessMark[];
}

/** Lower-case letters, digits and hyphens, at most 20, as in names of Kubernetes. */
export const isLabName = (name: string): boolean => /^[a-z0-9]([-a-z0-9]{0,18}[a-z0-9])?$/.test(name);

/** The folder of this user's labs, for this user's eyes only. */
async function labsFolder(): Promise<string> {
  const { uid } = userInfo();
  const runtime = process.env.XDG_RUNTIME_DIR;
  const folder = runtime ? join(runtime, "metallb-lab") : join(tmpdir(), `metallb-lab-${uid}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const status = await lstat(folder);
  // In a shared folder for temporary files another user may have been there first.
  if (!status.isDirectory() || (uid >= 0 && status.uid !== uid) || (status.mode & 0o077) !== 0) {
    throw new Error(`${folder} is not a folder of yours alone: remove it, or set XDG_RUNTIME_DIR`);
  }
  return folder;
}

/** Marks a running process; null when there is none. */
export function markProcess(name: string, pid: number): ProcessMark | null {
  if (!isRunning(pid)) return null;
  return { name, pid, startTime: startTimeOf(pid) };
}

/** Whether the very process that was marked still runs. */
export function stillRuns(mark: ProcessMark): boolean {
  return isRunning(mark.pid) && mark.startTime === startTimeOf(mark.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** proc(5): field 22 of stat; the second field, in brackets, may hold blanks. A zombie has ended. */
function startTimeOf(pid: number): string | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    return fields[0] === "Z" ? "ended" : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** A lab's own folder, held for as long as the lab runs. */
export interface Claim {
  readonly name: string;
  readonly folder: string;
  /** Writes down which processes belong to the lab. */
  record(children: readonly ProcessMark[]): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes a name for a new lab: the given one, or the first free of `default`, `lab-2`, `lab-3`, …
 * What a lab of that name that ended without cleaning up left behind is removed first.
 */
export async function claimName(wanted: string | null): Promise<Claim> {
  const labs = await labsFolder();
  if (wanted !== null) {
    const claim = await tryClaim(labs, wanted);
    if (claim !== null) return claim;
    throw new Error(`a lab named '${wanted}' runs already: end it with 'metallb lab stop --name ${wanted}'`);
  }
  for (let number = 1; number <= 100; number++) {
    const claim = await tryClaim(labs, number === 1 ? "default" : `lab-${number}`);
    if (claim !== null) return claim;
  }
  throw new Error(`a hundred labs run already: 'metallb lab status' lists them`);
}

/** The longest path of a socket on Linux, in octets (sun_path less the final zero). */
const SOCKET_PATH = 107;
/** The longest path that a part of the lab opens a socket at, below the lab's folder. */
const LONGEST_SOCKET = "router/run/zserv.api";

/** A path that is too long fails late and in riddles: told before anything is made. */
function checkLength(folder: string): void {
  const length = Buffer.byteLength(join(folder, LONGEST_SOCKET));
  if (length <= SOCKET_PATH) return;
  const variable = process.env.XDG_RUNTIME_DIR ? "XDG_RUNTIME_DIR" : "TMPDIR";
  throw new Error(
    `${folder} is too long a path for the lab's sockets, by ${length - SOCKET_PATH} octets: set ${variable} to a shorter folder`,
  );
}

async function tryClaim(labs: string, name: string): Promise<Claim | null> {
  const folder = join(labs, name);
  checkLength(folder);
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (!(await isAbandoned(folder))) return null;
      await sweep(folder);
      continue;
    }
    const lab = markProcess("lab", process.pid) ?? { name: "lab", pid: process.pid, startTime: null };
    const record = (children: readonly ProcessMark[]) => writeRecord(folder, { name, lab, children });
    await record([]);
    return { name, folder, record, release: () => rm(folder, { recursive: true, force: true }) };
  }
  return null;
}

/** A folder without a record may be in the making; so it counts as abandoned only when it is old. */
async function isAbandoned(folder: string): Promise<boolean> {
  const record = await readRecord(folder);
  if (record !== null) return !stillRuns(record.lab);
  const status = await lstat(folder).catch(() => null);
  return status !== null && Date.now() - status.mtimeMs > 10_000;
}

async function sweep(folder: string): Promise<void> {
  const record = await readRecord(folder);
  for (const child of record?.children ?? []) {
    // Without a start time nobody can tell whether the number has been used again.
    if (child.startTime !== null && stillRuns(child)) process.kill(child.pid, "SIGKILL");
  }
  await rm(folder, { recursive: true, force: true });
}

/** Removes what labs left behind that were killed; told the names of those. */
export async function sweepAbandoned(): Promise<readonly string[]> {
  const labs = await labsFolder();
  const swept: string[] = [];
  for (const name of await readdir(labs)) {
    const folder = join(labs, name);
    if (!(await isAbandoned(folder))) continue;
    await sweep(folder);
    swept.push(name);
  }
  return swept;
}

/** The labs of this user that run now, by name, ascending. */
export async function runningLabs(): Promise<readonly (LabRecord & { readonly folder: string })[]> {
  const labs = await labsFolder();
  const names = (await readdir(labs)).toSorted();
  const records = await Promise.all(names.map((name) => readRecord(join(labs, name))));
  return records.flatMap((record) =>
    record !== null && stillRuns(record.lab) ? [{ ...record, folder: join(labs, record.name) }] : [],
  );
}

const recordFile = (folder: string) => join(folder, "lab.json");

let writes = Promise.resolve();

/** One write after the other, each complete: a reader never sees half a record. */
function writeRecord(folder: string, record: LabRecord): Promise<void> {
  const write = async () => {
    const next = `${recordFile(folder)}.next`;
    await writeFile(next, JSON.stringify(record));
    await rename(next, recordFile(folder));
  };
  const done = writes.then(write);
  writes = done.catch(() => {});
  return done;
}

async function readRecord(folder: string): Promise<LabRecord | null> {
  try {
    return JSON.parse(await readFile(recordFile(folder), "utf8")) as LabRecord;
  } catch {
    return null;
  }
}

export const controlSocket = (folder: string): string => join(folder, "control.sock");
