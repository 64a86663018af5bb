import { createInterface } from "node:readline";
import { createNeighborEngine, type NeighborEvent } from "metallb/neighbor";
import { formatIp, parseIp } from "metallb/net";
import { NeighborSockets } from "metallb/speaker";
import { loadPacketSystem } from "metallb/sys";

// A neighbour engine on the sockets of the namespace that it runs in, without a cluster. Commands come
// as lines of JSON, and what it tells goes out the same way.

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const engine = createNeighborEngine();
let timer: NodeJS.Timeout | null = null;

function step(event: NeighborEvent): void {
  for (const effect of engine.step(event, performance.now())) {
    if (effect.kind === "wake") {
      if (timer) clearTimeout(timer);
      timer =
        effect.at === null
          ? null
          : setTimeout(() => step({ kind: "time" }), Math.max(0, effect.at - performance.now()));
    } else if (effect.kind === "address") {
      const { address, state, foreign } = effect.report;
      say({ address: formatIp(address), state, foreign });
    } else sockets.perform(effect);
  }
}

const sockets = new NeighborSockets(
  await loadPacketSystem(),
  {
    event: (event) => {
      if (event.kind === "link-set") say({ link: event.link.name, usable: event.link.usable, mac: event.link.mac });
      if (event.kind === "link-removed") say({ removed: event.index });
      step(event);
    },
    links: (links) => say({ links: links.map(({ name }) => name) }),
    log: (level, subject, message) => say({ level, subject, message }),
  },
  /^veth/,
);

/** How late a timer of 50 ms was at worst, as a heartbeat would be, and what the process cost, since last asked. */
let worst = 0;
let spent = process.cpuUsage();
let due = performance.now() + 50;
setInterval(() => {
  worst = Math.max(worst, performance.now() - due);
  due = performance.now() + 50;
}, 50).unref();

function sayLoad(): void {
  const { user, system } = process.cpuUsage(spent);
  say({ cpu: (user + system) / 1_000, late: Math.round(worst), unsent: sockets.unsent });
  spent = process.cpuUsage();
  worst = 0;
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line) as { readonly address?: string } & Record<string, unknown>;
  if (command.counters === true) {
    const addresses = engine.counters("all").map((counters) => ({ ...counters, address: formatIp(counters.address) }));
    say({ counters: addresses, drops: engine.drops() });
    return;
  }
  if (command.load === true) {
    say({ done: command.kind });
    sayLoad();
    return;
  }
  const address = parseIp(command.address ?? "");
  step({ ...command, ...(address.ok ? { address: address.value } : {}) } as unknown as NeighborEvent);
  say({ done: command.kind });
});
process.stdin.once("end", () => {
  sockets.close();
  process.exit(0);
});
