/**
 * The measuring neighbour of BFD: answers whoever watches it (RFC 5880, asynchronous mode) every 50 ms, and notes how
 * long each was silent. A process of its own, which shares no code with the engine that it measures.
 *
 * Arguments: host, and milliseconds between packets. `report` on standard input gives one line of JSON, an object by
 * the neighbour's address; `begin` counts from zero.
 */
import { createSocket, type Socket } from "node:dgram";
import { createInterface } from "node:readline";

const [host = "127.0.0.1", every = "50"] = process.argv.slice(2);
const INTERVAL = Number(every);
/** RFC 5881 section 4, RFC 5883 section 5. */
const PORTS = [3784, 4784] as const;
const STATE = { down: 1, init: 2, up: 3 } as const;

interface Neighbour {
  readonly door: (typeof PORTS)[number];
  readonly discriminator: number;
  theirs: number;
  state: number;
  heard: number;
  /** Silences between packets while Up, milliseconds. */
  gaps: number[];
  /** How often either side said that the path failed. */
  falls: number;
}

const neighbours = new Map<string, Neighbour>();
const senders = new Map<string, Socket>();

function packet({ state, discriminator, theirs }: Neighbour): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.set([0x20, state << 6, 3, 24]);
  bytes.writeUInt32BE(discriminator, 4);
  bytes.writeUInt32BE(theirs, 8);
  bytes.writeUInt32BE(INTERVAL * 1_000, 12);
  bytes.writeUInt32BE(INTERVAL * 1_000, 16);
  return bytes;
}

function send(address: string, neighbour: Neighbour, final = false): void {
  const bytes = packet(neighbour);
  if (final) bytes[1] = (bytes[1] ?? 0) | 0x10;
  senders.get(address)?.send(bytes, neighbour.door, address);
}

function received(bytes: Buffer, address: string, door: Neighbour["door"]): void {
  let neighbour = neighbours.get(address);
  if (!neighbour) {
    const discriminator = neighbours.size + 1;
    neighbour = { door, discriminator, theirs: 0, state: STATE.down, heard: 0, gaps: [], falls: 0 };
    neighbours.set(address, neighbour);
    const sender = createSocket("udp4");
    sender.bind({ address: host, port: 49_200 + discriminator }, () => sender.setTTL(255));
    senders.set(address, sender);
  }
  const now = performance.now();
  const told = (bytes[1] ?? 0) >> 6;
  neighbour.theirs = bytes.readUInt32BE(4);
  if (neighbour.state === STATE.up) {
    neighbour.gaps.push(now - neighbour.heard);
    if (told === STATE.down || now - neighbour.heard > 3 * INTERVAL) neighbour.falls++;
  }
  neighbour.heard = now;
  // RFC 5880 section 6.8.6.
  if (told <= STATE.down) neighbour.state = neighbour.state === STATE.up ? STATE.down : STATE.init;
  else if (neighbour.state === STATE.down) neighbour.state = told === STATE.init ? STATE.up : STATE.down;
  else neighbour.state = STATE.up;
  if (((bytes[1] ?? 0) & 0x20) !== 0) send(address, neighbour, true);
}

for (const port of PORTS) {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  socket.on("message", (bytes, { address }) => received(bytes, address, port));
  socket.bind(port, host);
}
setInterval(() => {
  for (const [address, neighbour] of neighbours) send(address, neighbour);
}, INTERVAL * 0.9);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line === "begin") for (const each of neighbours.values()) [each.gaps, each.falls] = [[], 0];
    const found = [...neighbours].map(([address, { state, gaps, falls }]) => [
      address,
      { up: state === 3, gaps, falls },
    ]);
    process.stdout.write(`${JSON.stringify(Object.fromEntries(found))}\n`);
  })
  .on("close", () => process.exit(0));
