import { createSocket } from "node:dgram";

// Sends so many datagrams a second to an address, from many ports, so that a router spreads them; at the end
// tells how many went out and came back, and from which node. Counts from when every port had its first answer:
// until then the router may still be putting its routes into the kernel.
const [address = "", port = "", rate = "1000"] = process.argv.slice(2);
const FLOWS = 40;
/** Milliseconds between two tries of a port that had no answer yet. */
const PROBE = 20;
/** Milliseconds that the last answers may take: a busy machine is late, and what is late is not lost. */
const LAST_ANSWERS = 5_000;
const answers = new Map<string, number>();
const unanswered = new Set<number>();
let sent = 0;
let failed = 0;
let timer: NodeJS.Timeout | undefined;

const sockets = Array.from({ length: FLOWS }, (_, flow) => {
  unanswered.add(flow);
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("message", (message) => {
    const [what, node = ""] = message.toString().split(" ");
    if (what !== "probe") answers.set(node, (answers.get(node) ?? 0) + 1);
    else if (unanswered.delete(flow) && unanswered.size === 0) start();
  });
  socket.on("error", () => {});
  socket.bind(0, () => socket.setRecvBufferSize(1 << 20));
  return socket;
});

const probes = setInterval(() => {
  for (const flow of unanswered) sockets[flow]?.send("probe", Number(port), address);
}, PROBE);

function start(): void {
  clearInterval(probes);
  let due = performance.now();
  const step = 1_000 / Number(rate);
  timer = setInterval(() => {
    for (; due <= performance.now(); due += step) {
      sent += 1;
      sockets[sent % FLOWS]?.send(String(sent), Number(port), address, (error) => {
        if (error) failed += 1;
      });
    }
  }, 1);
  console.log("answered");
}

process.stdin.once("data", () => {
  clearInterval(timer);
  const deadline = performance.now() + LAST_ANSWERS;
  const waiting = setInterval(() => {
    const answered = [...answers.values()].reduce((sum, count) => sum + count, 0);
    if (answered < sent - failed && performance.now() < deadline) return;
    clearInterval(waiting);
    console.log(JSON.stringify({ sent, failed, answers: Object.fromEntries(answers) }));
    process.exit(0);
  }, PROBE);
});
