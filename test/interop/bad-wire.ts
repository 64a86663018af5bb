/**
 * A wire between two interfaces that delays each frame by chance, so that they overtake each other, and gives some twice:
 * what netem does where a kernel has it. Runs in a network namespace of its own. Arguments: the two interfaces, the
 * longest delay in milliseconds, and how many of a hundred frames are doubled. Writes once a second what it counted.
 */
import { readFileSync } from "node:fs";
import {
  AF_PACKET,
  bindSocket,
  openSocket,
  receive,
  SOCK_RAW,
  sendNow,
  setOption,
  watchReadable,
} from "../../packages/metallb/src/sys/packet-calls.ts";

const [one = "", other = "", delay = "0", doubled = "0"] = process.argv.slice(2);

// <linux/if_packet.h>
const SOL_PACKET = 263;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const ETH_P_ALL = 3;
/** The longest that a kernel hands on, segments that a card would cut included, with the head that says so. */
const MAX_FRAME = 10 + 14 + 65_536;

const counted = { forwarded: 0, overtaken: 0, doubled: 0 };

function open(name: string): number {
  // Protocol 0 receives nothing until it is bound.
  const fd = openSocket(AF_PACKET, SOCK_RAW, 0);
  const yes = Buffer.from([1, 0, 0, 0]);
  // Checksums and segments that a card is left to make pass as they are.
  setOption(fd, SOL_PACKET, PACKET_VNET_HDR, yes, "PACKET_VNET_HDR");
  setOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, yes, "PACKET_IGNORE_OUTGOING");
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  address.writeInt32LE(Number(readFileSync(`/sys/class/net/${name}/ifindex`, "utf8")), 4);
  bindSocket(fd, address);
  return fd;
}

/** Everything that comes on the one leaves on the other, some time later. */
function forward(from: number, to: number): void {
  const buffer = Buffer.alloc(MAX_FRAME);
  let [came, left] = [0, 0];
  watchReadable(from, () => {
    for (let length = receive(from, buffer); length !== null; length = receive(from, buffer)) {
      const frame = Buffer.from(buffer.subarray(0, length));
      const number = ++came;
      const send = (): void => {
        sendNow(to, frame);
        counted.forwarded++;
        if (number < left) counted.overtaken++;
        left = Math.max(left, number);
      };
      const twice = Math.random() * 100 < Number(doubled);
      if (twice) counted.doubled++;
      for (let i = 0; i < (twice ? 2 : 1); i++) setTimeout(send, Math.random() * Number(delay));
    }
  });
}

const [a, b] = [open(one), open(other)];
forward(a, b);
forward(b, a);
setInterval(() => console.log(JSON.stringify(counted)), 1_000);
console.log("ready");
