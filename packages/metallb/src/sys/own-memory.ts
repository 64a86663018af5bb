import { readFile } from "node:fs/promises";

/** From <asm-generic/mman-common.h>: the pages are not needed soon, and come back from their file when they are. */
const MADV_DONTNEED = 4;

interface Region {
  readonly from: bigint;
  readonly octets: number;
}

interface Calls {
  readonly madvise: (from: bigint, octets: number, advice: number) => number;
  readonly trim: (left: number) => number;
}

let calls: Promise<Calls | null> | null = null;

/**
 * Returns to the system what this process holds without need: free room of the C library's heap, and the pages of
 * program files that its start has touched. Those stay in the system's cache, shared by all processes, and come
 * back by themselves where they are needed, some microseconds each. Does nothing where the system does not let us.
 */
export async function giveMemoryBack(): Promise<void> {
  calls ??= load();
  const [known, regions] = [await calls, await cleanRegions()];
  known?.trim(0);
  for (const { from, octets } of regions) known?.madvise(from, octets, MADV_DONTNEED);
}

async function load(): Promise<Calls | null> {
  if (process.platform !== "linux") return null;
  try {
    // Not at the top: a bundle would load the library at its start, in a process that may never need it.
    const { default: koffi } = await import("koffi");
    const lib = koffi.load(null);
    return {
      madvise: lib.func("int madvise(uint64_t, size_t, int)") as Calls["madvise"],
      trim: lib.func("int malloc_trim(size_t)") as Calls["trim"],
    };
  } catch {
    return null;
  }
}

/** smaps(5) of this process; none where it may not be read. */
async function cleanRegions(): Promise<readonly Region[]> {
  try {
    return regionsOf(await readFile("/proc/self/smaps", "latin1"));
  } catch {
    return [];
  }
}

/**
 * Regions of files that nobody can write and nobody has written: each of their pages is as the file has it. A region
 * with a single page of its own, such as relocated tables, is left alone, since that page would be lost.
 */
export function regionsOf(smaps: string): readonly Region[] {
  const regions: Region[] = [];
  let candidate: Region | null = null;
  for (const line of smaps.split("\n")) {
    const [, from, to, inode] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p [0-9a-f]+ \S+ (\d+)/.exec(line) ?? [];
    if (/^[0-9a-f]+-/.test(line)) {
      candidate = null;
      if (from !== undefined && to !== undefined && inode !== "0")
        candidate = { from: BigInt(`0x${from}`), octets: Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)) };
    } else if (candidate && line.startsWith("Anonymous:")) {
      if (/:\s+0 kB$/.test(line)) regions.push(candidate);
      candidate = null;
    }
  }
  return regions;
}
