import { type Ip, ipToBytes } from "#net";
import { addressOf, setOption } from "./libc.ts";

/** From which TTL (hop limit) on packets of a sender are taken. */
export interface LeastTtl {
  /** Null: of everybody. */
  readonly from: Ip | null;
  readonly least: number;
}

// Classic BPF, <linux/filter.h>: [code, jump if true, jump if false, operand].
type Instruction = readonly [code: number, jt: number, jf: number, k: number];
const LOAD_BYTE = 0x30;
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_LEAST = 0x35;
const RETURN = 0x06;
/** SKF_NET_OFF: what follows counts from the IP header, which the socket itself does not see. */
const IP_HEADER = 0xfff00000;
const TAKE: Instruction = [RETURN, 0, 0, 0xffffffff];
const DROP: Instruction = [RETURN, 0, 0, 0];
/** BPF_MAXINSNS. */
const MAX_INSTRUCTIONS = 4_096;

/** Offsets in the header: of the TTL, and of the sender's address, word by word. */
const HEADER = { 4: { ttl: 8, source: [12] }, 6: { ttl: 7, source: [8, 12, 16, 20] } } as const;

/** Only packets with so many hops left reach the socket; of a sender that is not named, none. */
export function requireTtl(fd: number, family: Ip["family"], rules: readonly LeastTtl[]): void {
  const program = programOf(family, rules);
  // More senders than a program has room for: the least of all counts for each.
  const instructions =
    program.length <= MAX_INSTRUCTIONS
      ? program
      : programOf(family, [{ from: null, least: Math.min(...rules.map(({ least }) => least)) }]);
  const code = Buffer.alloc(instructions.length * 8);
  for (const [i, [op, jt, jf, k]] of instructions.entries()) {
    code.writeUInt16LE(op, i * 8);
    code.writeUInt8(jt, i * 8 + 2);
    code.writeUInt8(jf, i * 8 + 3);
    code.writeUInt32LE(k >>> 0, i * 8 + 4);
  }
  const fprog = Buffer.alloc(16);
  fprog.writeUInt16LE(instructions.length, 0);
  fprog.writeBigUInt64LE(addressOf(code), 8);
  setOption(fd, "attachFilter", fprog);
  // The address alone does not keep the program alive until here.
  code.readUInt8(0);
}

/** A run of instructions for each rule: is it from there, then has it enough hops left? */
function programOf(family: Ip["family"], rules: readonly LeastTtl[]): readonly Instruction[] {
  const { ttl, source } = HEADER[family];
  const program: Instruction[] = [];
  for (const { from, least } of rules) {
    const words = from === null ? [] : wordsOf(from);
    // What is left of this rule's run after the comparison of a word.
    let left = 2 * (words.length - 1) + 4;
    for (const [i, word] of words.entries()) {
      program.push([LOAD_WORD, 0, 0, IP_HEADER + (source[i] ?? 0)], [JUMP_EQUAL, 0, left, word]);
      left -= 2;
    }
    program.push([LOAD_BYTE, 0, 0, IP_HEADER + ttl], [JUMP_LEAST, 0, 1, least], TAKE, DROP);
  }
  return [...program, DROP];
}

function wordsOf(address: Ip): readonly number[] {
  const bytes = Buffer.from(ipToBytes(address));
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32BE(i * 4));
}
