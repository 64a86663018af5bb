import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { ip } from "metallb/net";
import { EngineThread } from "metallb/speaker";

// The engines' thread of a speaker on the LAN of its namespace, with a main thread that can be loaded. Commands, one a
// line: `announce N` (172.21.0.0 and the next), `load`, `rest`. Tells `done` when one is done.

const FIRST = 0xac150000;
/** Rounds of announcements are over after this, milliseconds. */
const ROUNDS = 6_000;
const text = JSON.stringify(
  Array.from({ length: 5_000 }, (_, i) => ({ metadata: { name: `service-${i}`, uid: `${i}` }, spec: { ports: [i] } })),
);
const announced = new Set<string>();
let isLoaded = false;
let wake = (): void => {};

const thread = new EngineThread({
  applied: () => {},
  report: ({ engine, report }) => {
    if (engine !== "neighbor" || report.kind !== "address" || report.address.state !== "announced") return;
    announced.add(String(report.address.address.value));
    wake();
  },
  log: (level, subject, message) => console.error(level, subject, message),
  died: () => process.exit(1),
});

async function announce(count: number): Promise<void> {
  const events = Array.from(
    { length: count },
    (_, i) =>
      ({
        kind: "announce",
        holder: String(i),
        address: ip(4, BigInt(FIRST + i)),
        interfaces: null,
        claim: "at-once",
      }) as const,
  );
  const parts = Array.from({ length: Math.ceil(count / 256) }, (_, i) => ({
    events: events.slice(i * 256, (i + 1) * 256),
  }));
  thread.send("neighbor", parts);
  while (announced.size < count)
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  await pause(ROUNDS);
}

/** As when the API tells of thousands of Services, without end. */
function compute(): void {
  for (const until = performance.now() + 100; performance.now() < until; ) JSON.parse(text);
  if (isLoaded) setImmediate(compute);
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  const [command, count] = line.split(" ");
  if (command === "announce") await announce(Number(count));
  const before = isLoaded;
  if (command === "load" || command === "rest") isLoaded = command === "load";
  if (isLoaded && !before) setImmediate(compute);
  console.log("done");
});
process.stdin.once("end", () => process.exit(0));
