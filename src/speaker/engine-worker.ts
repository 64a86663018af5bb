import { parentPort } from "node:worker_threads";
import { openTcp } from "#sys";
import { EngineHost } from "./engine-host.ts";
import type { FromEngines, ToEngines } from "./thread-protocol.ts";

// The entry of the engines' thread. It ends by itself after `shutdown`: nobody terminates it, since a
// socket option library must not be torn down under a call.

const port = parentPort;
if (!port) throw new Error("this file runs as a worker thread");

let timer: NodeJS.Timeout | null = null;

const host = new EngineHost({
  now: () => performance.now(),
  random: Math.random,
  wakeAfter: (milliseconds, wake) => {
    if (timer) clearTimeout(timer);
    timer = milliseconds === null ? null : setTimeout(wake, milliseconds);
  },
  openTcp,
  tell: (message: FromEngines) => {
    port.postMessage(message);
    if (message.kind === "stopped") port.close();
  },
});

port.on("message", (message: ToEngines) => host.receive(message));
