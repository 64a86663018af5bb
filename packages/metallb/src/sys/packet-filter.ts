/** Classic BPF (Linux: Documentation/networking/filter.rst): code, jump if true, jump if false, operand. */
type Instruction = readonly [code: number, jt: number, jf: number, k: number];

const LOAD_HALF = 0x28;
const LOAD_OCTET = 0x30;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
/** Ancillary data of the kernel's own, at negative offsets. */
const ANCILLARY = { packetType: 0xfffff004, vlanTagPresent: 0xfffff030 } as const;
const PACKET_TYPE = { otherHost: 3, outgoing: 4 } as const;
const WHOLE = 0x40000;

/** Each test in turn: a load, and the values of which one must be met. The first that is not refuses the packet. */
interface Test {
  readonly code: typeof LOAD_HALF | typeof LOAD_OCTET;
  readonly at: number;
  readonly oneOf: readonly number[];
  /** Refuses those values instead. */
  readonly not?: boolean;
}

/**
 * Frames to this station or to a group, which did not leave from here, without a VLAN tag that no
 * interface took off: those belong to another network than the interface's own.
 */
const TO_US: readonly Test[] = [
  { code: LOAD_OCTET, at: ANCILLARY.packetType, oneOf: [PACKET_TYPE.otherHost, PACKET_TYPE.outgoing], not: true },
  { code: LOAD_OCTET, at: ANCILLARY.vlanTagPresent, oneOf: [0] },
];

/** ARP requests, and replies, which tell of foreign claims. */
export const ARP_FILTER = assemble([
  ...TO_US,
  { code: LOAD_HALF, at: 12, oneOf: [0x0806] },
  { code: LOAD_HALF, at: 20, oneOf: [1, 2] },
]);

/** Neighbour solicitations and advertisements that came through no router. */
export const NDP_FILTER = assemble([
  ...TO_US,
  { code: LOAD_HALF, at: 12, oneOf: [0x86dd] },
  { code: LOAD_OCTET, at: 20, oneOf: [58] },
  { code: LOAD_OCTET, at: 21, oneOf: [255] },
  { code: LOAD_OCTET, at: 54, oneOf: [135, 136] },
]);

/**
 * BFD echo packets, as a socket without link headers has them: UDP to port 3785 (RFC 5881 section 4) in an IPv4
 * packet without options that is no fragment.
 */
export const ECHO_FILTER = assemble([
  { code: LOAD_OCTET, at: ANCILLARY.packetType, oneOf: [PACKET_TYPE.otherHost, PACKET_TYPE.outgoing], not: true },
  { code: LOAD_OCTET, at: 0, oneOf: [0x45] },
  { code: LOAD_OCTET, at: 9, oneOf: [17] },
  { code: LOAD_HALF, at: 6, oneOf: [0, 0x4000] },
  { code: LOAD_HALF, at: 22, oneOf: [3785] },
]);

/** `struct sock_filter` for each instruction: eight octets. */
function assemble(tests: readonly Test[]): Uint8Array {
  const total = tests.reduce((sum, { oneOf }) => sum + 1 + oneOf.length, 0) + 2;
  const accept = total - 2;
  const refuse = total - 1;
  const program: Instruction[] = [];
  for (const { code, at, oneOf, not } of tests) {
    program.push([code, 0, 0, at]);
    const next = program.length + oneOf.length;
    for (const [i, value] of oneOf.entries()) {
      const here = program.length + 1;
      const last = i === oneOf.length - 1;
      const met = (not ? refuse : next) - here;
      const notMet = last ? (not ? next : refuse) - here : 0;
      program.push([JUMP_EQUAL, met, notMet, value]);
    }
  }
  if (program.length !== accept) throw new Error("a packet filter is not as long as it was counted");
  program.push([RETURN, 0, 0, WHOLE], [RETURN, 0, 0, 0]);
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}
