import { readFileSync } from "node:fs";
import { loadPacketSystem } from "metallb/sys";

// Asks all stations who has an address, by ARP, until a line comes on the standard input; is ready with the first
// answer. Then tells, as one line of JSON, who answered in turn, [MAC address, how often] each time another than before
// did, how many questions were asked, and how many of them nobody answered. Each question is asked in another's name,
// which an answer repeats. Arguments: the address, milliseconds between two questions.
const [target = "", period = ""] = process.argv.slice(2);
const { HostLinks, openPacketSocket } = await loadPacketSystem();
const mac = Buffer.from(readFileSync("/sys/class/net/eth0/address", "utf8").trim().replaceAll(":", ""), "hex");
const four = (text: string): Buffer => Buffer.from(text.split(".").map(Number));
const fixed = Buffer.from("0001080006040001", "hex");
/** RFC 2544 gives 198.18.0.0/15 to tests: nobody has these addresses. */
const ASKERS = 0xc6120000;

const turns: [string, number][] = [];
const unanswered = new Set<number>();
let asked = 0;
const links = new HostLinks({
  changed: () => {},
  failed: (reason) => console.error(reason),
  complete: () => setImmediate(run),
});

function question(): Buffer {
  const asker = Buffer.alloc(4);
  asker.writeUInt32BE(ASKERS + ++asked);
  unanswered.add(asked);
  return Buffer.concat([
    Buffer.alloc(6, 0xff),
    mac,
    Buffer.from([8, 6]),
    fixed,
    mac,
    asker,
    Buffer.alloc(6),
    four(target),
  ]);
}

function run(): void {
  const socket = openPacketSocket(Number(readFileSync("/sys/class/net/eth0/ifindex", "utf8")), "arp", {
    received: (frame) => {
      const isReply = frame[21] === 2 && Buffer.from(frame.subarray(0, 6)).equals(mac);
      if (!isReply || !Buffer.from(frame.subarray(28, 32)).equals(four(target))) return;
      unanswered.delete(Buffer.from(frame.subarray(38, 42)).readUInt32BE() - ASKERS);
      if (turns.length === 0) console.log("ready");
      const from = Buffer.from(frame.subarray(22, 28))
        .toString("hex")
        .replace(/..(?!$)/g, "$&:");
      const last = turns.at(-1);
      if (last?.[0] === from) last[1] += 1;
      else turns.push([from, 1]);
    },
    failed: (reason) => console.error(reason),
  });
  const timer = setInterval(() => socket.send(question()), Number(period));
  process.stdin.once("data", () => {
    clearInterval(timer);
    // For what is still on its way.
    setTimeout(() => {
      console.log(JSON.stringify({ turns, asked, unanswered: unanswered.size }));
      socket.close();
      links.close();
      process.stdin.destroy();
    }, 200);
  });
}
