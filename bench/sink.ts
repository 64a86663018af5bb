/**
 * The measuring peer: a BGP listener of its own that answers OPEN, keeps the session up and counts
 * what comes, with a clock that all processes of the machine share. It runs as a process of its own
 * so that reading never waits for the program that is measured. It knows just enough of RFC 4271 to
 * count, and shares no code with the engine it measures.
 *
 * Arguments: host, port, AS. Speaks JSON lines: commands on standard input, reports on standard output.
 */
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";

const [host = "127.0.0.1", port = "0", asn = "64512"] = process.argv.slice(2);

/** Milliseconds of CLOCK_MONOTONIC, the same in every process. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

interface Count {
  remote: string;
  established: number;
  /** When the last prefix was read. */
  last: number;
  updates: number;
  updateBytes: number;
  announced: number;
  withdrawn: number;
  endOfRib: number;
}

const counts = new Map<Socket, Count>();
let expected = Number.POSITIVE_INFINITY;
let expectedSessions = 1;

const say = (report: object): void => void process.stdout.write(`${JSON.stringify(report)}\n`);

function open(): Buffer {
  const as = Number(asn);
  const capabilities = Buffer.from([1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, 0, 0, 0, 0]);
  capabilities.writeUInt32BE(as, 16);
  const body = Buffer.from([4, 0, 0, 0, 240, 192, 0, 2, 1, capabilities.length + 2, 2, capabilities.length]);
  body.writeUInt16BE(as > 65535 ? 23456 : as, 1);
  return message(1, Buffer.concat([body, capabilities]));
}

function message(type: number, body = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(19, 0xff);
  head.writeUInt16BE(19 + body.length, 16);
  head[18] = type;
  return Buffer.concat([head, body]);
}

function nlri(bytes: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at += 1 + (((bytes[at] ?? 0) + 7) >> 3)) count++;
  return count;
}

function update(count: Count, bytes: Buffer, start: number, end: number): void {
  count.updates++;
  count.updateBytes += end - start;
  const withdrawn = bytes.readUInt16BE(start + 19);
  const attributesAt = start + 21 + withdrawn;
  const attributes = bytes.readUInt16BE(attributesAt);
  const nlriAt = attributesAt + 2 + attributes;
  let announced = nlri(bytes, nlriAt, end);
  let gone = nlri(bytes, start + 21, attributesAt);
  for (let at = attributesAt + 2; at < nlriAt; ) {
    const long = ((bytes[at] ?? 0) & 0x10) !== 0;
    const length = long ? bytes.readUInt16BE(at + 2) : (bytes[at + 2] ?? 0);
    const value = at + (long ? 4 : 3);
    if (bytes[at + 1] === 14) announced += nlri(bytes, value + 5 + (bytes[value + 3] ?? 0), value + length);
    if (bytes[at + 1] === 15) {
      const lost = nlri(bytes, value + 3, value + length);
      gone += lost;
      if (lost === 0) count.endOfRib++;
    }
    at = value + length;
  }
  if (announced + gone === 0 && attributes === 0) count.endOfRib++;
  if (announced + gone > 0) {
    count.last = now();
    count.announced += announced;
    count.withdrawn += gone;
    if (count.announced + count.withdrawn >= expected) reached();
  }
}

/** Every established session has read as much as was asked for. */
function reached(): void {
  const sessions = [...counts.values()].filter((count) => count.established > 0);
  if (sessions.length < expectedSessions) return;
  if (sessions.some((count) => count.announced + count.withdrawn < expected)) return;
  expected = Number.POSITIVE_INFINITY;
  say({ kind: "reached", sessions });
}

function serve(socket: Socket): void {
  const count: Count = {
    remote: socket.remoteAddress ?? "",
    established: 0,
    last: 0,
    updates: 0,
    updateBytes: 0,
    announced: 0,
    withdrawn: 0,
    endOfRib: 0,
  };
  counts.set(socket, count);
  socket.setNoDelay(true);
  let rest = Buffer.alloc(0);
  // Often enough for the shortest hold time, of 3 s.
  const keepalive = setInterval(() => socket.write(message(4)), 800);
  socket.on("data", (data) => {
    const bytes = Buffer.concat([rest, Buffer.from(data)]);
    let at = 0;
    while (bytes.length - at >= 19) {
      const end = at + bytes.readUInt16BE(at + 16);
      if (end > bytes.length) break;
      const type = bytes[at + 18];
      if (type === 1) socket.write(Buffer.concat([open(), message(4)]));
      if (type === 4 && count.established === 0) {
        count.established = now();
        say({ kind: "established", remote: count.remote, at: count.established });
      }
      if (type === 2) update(count, bytes, at, end);
      at = end;
    }
    rest = Buffer.from(bytes.subarray(at));
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(keepalive);
    counts.delete(socket);
    say({ kind: "closed", remote: count.remote });
  });
}

let server: Server | null = null;

const commands: Readonly<Record<string, (value: number, sessions: number) => void>> = {
  listen: () => {
    server = createServer(serve).listen(Number(port), host, () => {
      const address = server?.address();
      say({ kind: "listening", port: typeof address === "object" ? address?.port : 0 });
    });
  },
  /** Report once so many sessions have each read so many prefixes, announced and withdrawn together, from now on. */
  expect: (value, sessions) => {
    for (const count of counts.values())
      Object.assign(count, { updates: 0, updateBytes: 0, announced: 0, withdrawn: 0, endOfRib: 0 });
    expected = value;
    expectedSessions = sessions;
    say({ kind: "expecting" });
  },
  drop: () => {
    server?.close();
    server = null;
    for (const socket of counts.keys()) socket.resetAndDestroy();
    say({ kind: "dropped" });
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [name = "", value = "0", sessions = "1"] = line.split(" ");
    commands[name]?.(Number(value), Number(sessions));
  })
  .on("close", () => process.exit(0));
