import { createSocket } from "node:dgram";

// Asks an address a thousand times a second; at the end tells when which answers came, and of each run of questions
// that was lost when it began and how many they were. Instants are milliseconds since 1970.
const [address = "", port = ""] = process.argv.slice(2);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
/** What fits into a socket's buffer: with more under way, a process that stands still on a busy machine loses some. */
const UNDER_WAY = 150;
/** Milliseconds after which what is under way counts as lost, unless its answer comes all the same. */
const LATE = 1_000;
const answers: { at: number; node: string }[] = [];
const underWay = new Map<number, number>();
const late = new Map<number, number>();
let sent = 0;
socket.on("message", (message) => {
  const [number, node = ""] = message.toString().split(" ");
  if (!underWay.delete(Number(number))) late.delete(Number(number));
  answers.push({ at: Date.now(), node });
});
socket.on("error", () => {});
let due = performance.now();
const timer = setInterval(() => {
  for (const [number, at] of underWay) {
    if (at > Date.now() - LATE) break;
    underWay.delete(number);
    late.set(number, at);
  }
  // What was missed while this process stood still is not made up for.
  due = Math.max(due, performance.now() - 20);
  for (; due <= performance.now(); due += underWay.size < UNDER_WAY ? 1 : 10) {
    sent += 1;
    underWay.set(sent, Date.now());
    socket.send(String(sent), Number(port), address, () => {});
  }
}, 1);
console.log("ready");

function lost(): readonly { at: number; count: number }[] {
  const runs: { at: number; count: number }[] = [];
  let before = 0;
  for (const [number, at] of [...late, ...underWay]) {
    const last = runs.at(-1);
    if (last && number === before + 1) last.count += 1;
    else runs.push({ at, count: 1 });
    before = number;
  }
  return runs;
}

process.stdin.once("data", () => {
  clearInterval(timer);
  // What is still on its way on a busy machine counts; what is lost does not come.
  const deadline = performance.now() + 2_000;
  const wait = setInterval(() => {
    if (underWay.size + late.size > 0 && performance.now() < deadline) return;
    clearInterval(wait);
    process.stdout.write(`${JSON.stringify({ sent, answers, lost: lost() })}\n`, () => process.exit(0));
  }, 50);
});
