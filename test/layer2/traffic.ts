import { createSocket } from "node:dgram";

// Asks an address a thousand times a second; at the end tells when which answers came. Instants are
// milliseconds since 1970.
const [address = "", port = ""] = process.argv.slice(2);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
const answers: { at: number; node: string }[] = [];
let sent = 0;
socket.on("message", (message) => answers.push({ at: Date.now(), node: message.toString().split(" ")[1] ?? "" }));
socket.on("error", () => {});
let due = performance.now();
const timer = setInterval(() => {
  for (; due <= performance.now(); due += 1) {
    sent += 1;
    socket.send(String(sent), Number(port), address, () => {});
  }
}, 1);
console.log("ready");
process.stdin.once("data", () => {
  clearInterval(timer);
  setTimeout(() => {
    console.log(JSON.stringify({ sent, answers }));
    process.exit(0);
  }, 100);
});
