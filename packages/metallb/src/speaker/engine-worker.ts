import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { EngineHost } from "./engine-host.ts";
import { ENGINES } from "./engines.ts";
import { hostPorts } from "./host-ports.ts";
import { Outbox } from "./outbox.ts";
import type { FromEngines, ToEngines } from "./thread-protocol.ts";

// The entry of the engines' thread. It ends by itself after `shutdown`: nobody terminates it, since a
// socket option library must not be torn down under a call.

const port = parentPort;
if (!port) throw new Error("this file runs as a worker thread");

/** Of this thread alone: on Linux a priority is a thread's (setpriority(2), "C library/kernel differences"). */
const BEFORE_OTHERS = -10;
try {
  setPriority(BEFORE_OTHERS);
} catch {
  // It takes SYS_NICE, which a speaker need not have: then its turn comes with everybody's.
}

const post = (message: FromEngines): void => port.postMessage(message);
const outbox = new Outbox(post);

const host = new EngineHost(
  ENGINES,
  hostPorts({
    tell: (telling) => outbox.tell(telling),
    stopped: () => {
      outbox.flush();
      post({ kind: "stopped" });
      port.close();
    },
  }),
);

port.on("message", (message: ToEngines) => {
  if (message.kind === "heard") outbox.heard();
  else if (message.kind === "dump") post({ kind: "dump", id: message.id, events: host.recent() });
  else host.receive(message);
});
