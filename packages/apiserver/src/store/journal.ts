import {
  closeSync,
  existsSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "../base/json.ts";
import type { Journal, Storage } from "./storage.ts";

interface Line {
  readonly revision: number;
  readonly collection?: string;
  readonly key?: string;
  readonly object?: JsonObject | null;
}

const FILE = "objects.jsonl";
const COMPACT_AT_LEAST = 16 * 1024 * 1024;
const SYNC_INTERVAL = 1_000;

/** How octets reach a file: `writeSync`, but where a test lets the disk be full. */
export type WriteFile = (file: number, octets: Buffer, offset: number) => number;

/**
 * An append-only log of what was committed, one JSON line each. A line is handed to the kernel
 * before the client hears of the write, so a killed process loses nothing; the disk is asked to
 * sync at most once a second, so a power cut loses at most that. A torn last line is cut off. A line that
 * the disk has no room for is taken back, and the write that it stands for fails: nothing follows half a line.
 */
export class FileJournal implements Journal {
  private readonly path: string;
  private readonly storage: Storage;
  private file: number;
  private size: number;
  private compactAt: number;
  private syncing: NodeJS.Timeout | null = null;
  private readonly writeFile: WriteFile;
  /** Half a line may stand at the end. */
  private torn = false;

  /** Reads the folder's log into the storage and goes on writing it. @throws Error when a line inside the log is broken */
  constructor(folder: string, storage: Storage, writeFile: WriteFile = (...what) => writeSync(...what)) {
    this.writeFile = writeFile;
    this.path = join(folder, FILE);
    this.storage = storage;
    this.size = existsSync(this.path) ? load(this.path, storage) : 0;
    this.file = openSync(this.path, "a+", 0o600);
    ftruncateSync(this.file, this.size);
    this.compactAt = COMPACT_AT_LEAST;
    if (this.size > 0) this.compact();
    storage.attach(this);
  }

  write(collection: string, key: string, revision: number, object: Buffer | null): void {
    const head = `{"revision":${revision},"collection":${JSON.stringify(collection)},"key":${JSON.stringify(key)},"object":`;
    // Before the line, because it is not in the storage yet.
    if (this.size > this.compactAt) this.compact();
    this.append(Buffer.concat([Buffer.from(head), object ?? Buffer.from("null"), Buffer.from("}\n")]));
    this.syncing ??= setTimeout(() => {
      this.syncing = null;
      fsync(this.file, () => {});
    }, SYNC_INTERVAL).unref();
  }

  close(): void {
    if (this.syncing) clearTimeout(this.syncing);
    fsyncSync(this.file);
    closeSync(this.file);
  }

  /** @throws Error when the whole line cannot be written; then none of it stands. */
  private append(line: Buffer): void {
    if (this.torn) this.takeBack();
    try {
      this.writeAll(this.file, line);
    } catch (error) {
      this.torn = true;
      this.takeBack();
      throw error;
    }
    this.size += line.length;
  }

  /** @throws Error when it cannot be taken back either: then it is tried again before anything else is written. */
  private takeBack(): void {
    ftruncateSync(this.file, this.size);
    this.torn = false;
  }

  private writeAll(file: number, octets: Buffer): void {
    for (let done = 0; done < octets.length; ) done += this.writeFile(file, octets, done);
  }

  /**
   * Rewrites the log with the living objects only, beside the old one, which is replaced in one step. Where there is no
   * room for both, the old one goes on.
   */
  private compact(): void {
    const temporary = `${this.path}.new`;
    rmSync(temporary, { force: true });
    // Appending, as everywhere: what is written after half a line was taken back stands where that began.
    const fresh = openSync(temporary, "ax", 0o600);
    let size = 0;
    try {
      const put = (line: Buffer): void => {
        this.writeAll(fresh, line);
        size += line.length;
      };
      put(Buffer.from(`{"revision":${this.storage.revision}}\n`));
      for (const collection of this.storage.all()) {
        const name = JSON.stringify(collection.name);
        for (const entry of collection.values()) {
          const head = `{"revision":${entry.revision},"collection":${name},"key":${JSON.stringify(entry.key)},"object":`;
          put(Buffer.concat([Buffer.from(head), entry.json, Buffer.from("}\n")]));
        }
      }
      fsyncSync(fresh);
      renameSync(temporary, this.path);
    } catch {
      closeSync(fresh);
      rmSync(temporary, { force: true });
      this.compactAt = this.size * 2;
      return;
    }
    closeSync(this.file);
    this.file = fresh;
    this.size = size;
    this.torn = false;
    this.compactAt = Math.max(COMPACT_AT_LEAST, size * 3);
  }
}

/** Returns the length in bytes of the part that is whole. */
function load(path: string, storage: Storage): number {
  const bytes = readFileSync(path);
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0) return start;
    const line = parseLine(bytes.toString("utf8", start, end));
    if (line === null) {
      if (end === bytes.length - 1) return start;
      throw new Error(`${path} is damaged at byte ${start}`);
    }
    storage.advance(line.revision);
    if (line.collection !== undefined && line.key !== undefined)
      storage.restore(line.collection, line.key, line.revision, line.object ?? null);
    start = end + 1;
  }
  return start;
}

function parseLine(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line;
    return typeof line.revision === "number" ? line : null;
  } catch {
    return null;
  }
}
