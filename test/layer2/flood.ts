import { readFileSync } from "node:fs";
import { loadPacketSystem } from "metallb/sys";

// Asks for an address by ARP as fast as told, each time as another station, and tells how often. Arguments: our
// IPv4 address, the address, requests a second, seconds.
const [own = "", target = "", rate = "", seconds = ""] = process.argv.slice(2);
const { openPacketSocket } = await loadPacketSystem();
const index = Number(readFileSync("/sys/class/net/eth0/ifindex", "utf8"));
const four = (text: string): Buffer => Buffer.from(text.split(".").map(Number));
const mac = Buffer.from("020000000000", "hex");
const frame = Buffer.concat([
  Buffer.alloc(6, 0xff),
  mac,
  Buffer.from("08060001080006040001", "hex"),
  mac,
  four(own),
  Buffer.alloc(6),
  four(target),
]);
const socket = openPacketSocket(index, "arp", {
  received: () => {},
  failed: (reason) => console.error(reason),
});
let sent = 0;
const started = performance.now();
const ends = started + Number(seconds) * 1_000;

function burst(): void {
  const now = performance.now();
  if (now >= ends) {
    console.log(JSON.stringify({ perSecond: Math.round(sent / ((now - started) / 1_000)) }));
    socket.close();
    return;
  }
  const due = ((now - started) / 1_000) * Number(rate);
  for (let i = 0; sent < due && i < 2_000; i += 1) {
    frame.writeUInt32BE(sent, 8);
    frame.writeUInt32BE(sent, 24);
    // What the kernel has no room for was no request.
    if (socket.send(frame) === 0) sent += 1;
  }
  setImmediate(burst);
}
burst();
