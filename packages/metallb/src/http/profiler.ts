import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { err, type Result, type Seconds } from "#net";
import { type HttpServer, LIMITS, listen, router, send } from "./server.ts";

const FLAG = "--pprof-bind-address";
const PATH = "/debug/pprof/";
const DEFAULT: Seconds = 30;
const MOST: Seconds = 120;
/** Octets between two allocations that are looked at: V8's own. */
const SAMPLING = 32_768;

const INDEX = `Profiles of the main thread, for Chromium's developer tools:

${PATH}profile?seconds=${DEFAULT}  where its time goes (.cpuprofile)
${PATH}heap?seconds=${DEFAULT}     what allocates what stays (.heapprofile)

One at a time, for ${MOST} seconds at most. They hold names of functions and files, and nothing of what the process knows.
`;

/** `host:port` or `:port`, as Go takes it; without a host it is this machine's own, since whoever can ask costs time. */
export function profilerAddress(text: string): Result<{ readonly host: string; readonly port: number }> {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65_535) return err(`${FLAG}: "${text.slice(0, 100)}" is no host:port`);
  return { ok: true, value: { host: found[1] ?? (found[2] || "127.0.0.1"), port } };
}

/** Serves profiles at the address that the flag names. */
export async function startProfiler(address: string): Promise<Result<HttpServer>> {
  const at = profilerAddress(address);
  if (!at.ok) return at;
  const { host, port } = at.value;
  const profiler = new Profiler();
  const index = (_: IncomingMessage, response: ServerResponse) =>
    send(response, 200, "text/plain; charset=utf-8", INDEX);
  const routes = new Map([
    [PATH, index],
    [PATH.slice(0, -1), index],
    [`${PATH}profile`, profiler.answer("cpu")],
    [`${PATH}heap`, profiler.answer("heap")],
  ]);
  // A profile takes as long as was asked for; what asks for it is still bounded.
  return await listen(createServer(LIMITS, router(routes)), host, port, FLAG);
}

type Kind = "cpu" | "heap";

class Profiler {
  private running = false;

  answer(kind: Kind) {
    return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const asked = new URL(request.url ?? "/", "http://localhost").searchParams.get("seconds") ?? String(DEFAULT);
      const seconds: Seconds = /^[0-9]{1,3}$/.test(asked) ? Number(asked) : 0;
      if (seconds < 1 || seconds > MOST)
        return send(response, 400, "text/plain; charset=utf-8", `seconds must be 1 to ${MOST}\n`);
      if (this.running)
        return send(response, 409, "text/plain; charset=utf-8", "a profile is being taken: one at a time\n");
      this.running = true;
      try {
        const gone = new AbortController();
        response.once("close", () => gone.abort());
        const profile = await record(kind, seconds, gone.signal);
        if (gone.signal.aborted) return;
        response.setHeader("content-disposition", `attachment; filename="metallb.${kind}profile"`);
        send(response, 200, "application/json", JSON.stringify(profile));
      } finally {
        this.running = false;
      }
    };
  }
}

/** Who goes away ends it. */
async function record(kind: Kind, seconds: Seconds, gone: AbortSignal): Promise<unknown> {
  // Loaded by who asks for it alone.
  const { Session } = await import("node:inspector/promises");
  const session = new Session();
  session.connect();
  try {
    if (kind === "cpu") {
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
    } else await session.post("HeapProfiler.startSampling", { samplingInterval: SAMPLING });
    await pause(seconds * 1_000, undefined, { signal: gone }).catch(() => {});
    const { profile } = await (kind === "cpu"
      ? session.post("Profiler.stop")
      : session.post("HeapProfiler.stopSampling"));
    return profile;
  } finally {
    session.disconnect();
  }
}
