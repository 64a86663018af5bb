import { readFileSync } from "node:fs";
import { loadPacketSystem } from "metallb/sys";

// Asks for each address in turn by ARP, the next once the answer is there, and tells the microseconds of
// each as one line of JSON. Arguments: our IPv4 address, how many rounds, the addresses.
const [own = "", rounds = "", ...targets] = process.argv.slice(2);
const { HostLinks, openPacketSocket } = await loadPacketSystem();
const mac = Buffer.from(readFileSync("/sys/class/net/eth0/address", "utf8").trim().replaceAll(":", ""), "hex");
const four = (text: string): Buffer => Buffer.from(text.split(".").map(Number));

function request(target: string): Buffer {
  const fixed = Buffer.from("0001080006040001", "hex");
  const none = Buffer.alloc(6);
  return Buffer.concat([Buffer.alloc(6, 0xff), mac, Buffer.from([8, 6]), fixed, mac, four(own), none, four(target)]);
}

const links = new HostLinks({
  changed: () => {},
  failed: (reason) => console.error(reason),
  complete: () => setImmediate(run),
});
let index = 0;
const known = readFileSync("/sys/class/net/eth0/ifindex", "utf8");

function run(): void {
  const samples: number[] = [];
  let sentAt = 0;
  const socket = openPacketSocket(Number(known), "arp", {
    received: (frame) => {
      // A reply: from whom does not matter, since one question is open at a time.
      if (frame[21] !== 2 || frame[0] !== mac[0]) return;
      samples.push((performance.now() - sentAt) * 1_000);
      if (samples.length < Number(rounds)) return ask();
      console.log(JSON.stringify(samples));
      socket.close();
      links.close();
    },
    failed: (reason) => console.error(reason),
  });
  const ask = (): void => {
    const frame = request(targets[index % targets.length] ?? "");
    index += 1;
    sentAt = performance.now();
    socket.send(frame);
  };
  ask();
}
