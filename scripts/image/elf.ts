import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** What Node calls the machine, ELF's number for it (e_machine), and the folder that Debian gives its libraries. */
export const MACHINES = {
  x64: { elf: 62, debian: "amd64", triplet: "x86_64-linux-gnu" },
  arm64: { elf: 183, debian: "arm64", triplet: "aarch64-linux-gnu" },
} as const;
export type Machine = keyof typeof MACHINES;

/** A program or a library: for which machine it is, who loads it, and the names of the libraries that it needs. */
interface Elf {
  /** ELF's e_machine: 62 is x86-64, 183 is AArch64. */
  readonly machine: number;
  readonly interpreter: string | null;
  readonly needed: readonly string[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;

/** Reads a file of 64 bits, little endian, as both machines have; null: it is none. */
function readElf(octets: Buffer): Elf | null {
  if (octets.length < 64 || octets.readUInt32BE(0) !== 0x7f454c46 || octets[4] !== 2 || octets[5] !== 1) return null;
  const number = (at: number): number => Number(octets.readBigUInt64LE(at));
  const headers = Array.from({ length: octets.readUInt16LE(56) }, (_, index) => {
    const at = number(32) + index * octets.readUInt16LE(54);
    const [offset, address, size] = [number(at + 8), number(at + 16), number(at + 32)];
    return { type: octets.readUInt32LE(at), offset, address, size };
  });
  const textAt = (at: number): string => octets.toString("latin1", at, octets.indexOf(0, at));
  const interpreter = headers.find(({ type }) => type === PT_INTERP);
  const dynamic = headers.find(({ type }) => type === PT_DYNAMIC);
  const entries: { readonly tag: number; readonly value: number }[] = [];
  for (let at = dynamic?.offset ?? 0, end = at + (dynamic?.size ?? 0); at < end; at += 16) {
    const tag = number(at);
    if (tag === DT_NULL) break;
    entries.push({ tag, value: number(at + 8) });
  }
  const address = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const segment = headers.find((h) => h.type === PT_LOAD && address >= h.address && address < h.address + h.size);
  const names = address - (segment?.address ?? 0) + (segment?.offset ?? 0);
  return {
    machine: octets.readUInt16LE(18),
    interpreter: interpreter ? textAt(interpreter.offset) : null,
    needed: entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => textAt(names + value)),
  };
}

/**
 * The paths below `base` of all that these programs are linked to, the loader included: what ldd(1) tells, which
 * needs a machine that can run them.
 */
export function librariesOf(programs: readonly string[], base: string, machine: Machine): ReadonlySet<string> {
  const { triplet, elf } = MACHINES[machine];
  const folders = [`/lib/${triplet}`, `/usr/lib/${triplet}`, "/lib64", "/usr/lib64", "/lib", "/usr/lib"];
  const found = new Set<string>();
  const loaders = new Set<string>();
  const look = (file: string): void => {
    const read = readElf(readFileSync(file));
    if (read?.machine !== elf) throw new Error(`${file} is no program for ${MACHINES[machine].debian}`);
    if (read.interpreter !== null) loaders.add(basename(read.interpreter));
    for (const name of [read.interpreter ?? [], read.needed].flat()) {
      // The loader stands among the needed libraries too, by its name alone.
      if (!name.startsWith("/") && loaders.has(name)) continue;
      const path = name.startsWith("/") ? name : folders.map((folder) => join(folder, name)).find(isThere);
      if (path === undefined || !isThere(path)) throw new Error(`${file} needs ${name}, which is not below ${base}`);
      if (found.has(path)) continue;
      found.add(path);
      look(join(base, path));
    }
  };
  const isThere = (path: string): boolean => existsSync(join(base, path));
  for (const program of programs) look(program);
  return found;
}
