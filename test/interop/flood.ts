import { createSocket } from "node:dgram";

// Sends so many datagrams a second to an address, from many ports, so that a router spreads them; at the end
// tells how many went out and came back, and from which node.
const [address = "", port = "", rate = "1000"] = process.argv.slice(2);
const FLOWS = 40;
const answers = new Map<string, number>();
const sockets = Array.from({ length: FLOWS }, () => {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (message) => {
    const node = message.toString().split(" ")[1] ?? "";
    answers.set(node, (answers.get(node) ?? 0) + 1);
  });
  socket.on("error", () => {});
  socket.bind(0, () => socket.setRecvBufferSize(1 << 20));
  return socket;
});
let sent = 0;
let failed = 0;
let due = performance.now();
const step = 1_000 / Number(rate);
const timer = setInterval(() => {
  for (; due <= performance.now(); due += step) {
    sent += 1;
    sockets[sent % FLOWS]?.send(String(sent), Number(port), address, (error) => {
      if (error) failed += 1;
    });
  }
}, 1);
console.log("ready");
process.stdin.once("data", () => {
  clearInterval(timer);
  setTimeout(() => {
    console.log(JSON.stringify({ sent, failed, answers: Object.fromEntries(answers) }));
    process.exit(0);
  }, 500);
});
