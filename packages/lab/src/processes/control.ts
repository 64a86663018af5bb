import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { LabView } from "metallb/view";
import { controlSocket } from "#base";

/** What a second shell may ask of a running lab. */
export interface Controls {
  view(): Promise<LabView>;
  /** Resolves with what came of it, in words. */
  cut(node: string): Promise<string>;
  heal(node: string): Promise<string>;
  /** Path of what a process has written. */
  logOf(name: string): Promise<string>;
  /** The command wrapped so that it runs in the place of this name. */
  command(place: string, argv: readonly string[]): Promise<WrappedCommand>;
  /** Begins to end the lab; does not wait for it. */
  stop(): void;
}

export interface WrappedCommand {
  readonly argv: readonly string[];
  /** What is worth knowing about where it runs; empty: nothing. */
  readonly note: string;
}

/** Serves the controls on a socket in the lab's folder, which only its user can enter. Returns how to close it. */
export async function serveControls(folder: string, controls: Controls): Promise<() => Promise<void>> {
  const server = createServer((asked, answer) => {
    respond(controls, asked, answer).catch((error: unknown) => {
      answer.writeHead(400, { "Content-Type": "text/plain" });
      answer.end(error instanceof Error ? error.message : String(error));
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(controlSocket(folder), resolve);
  await promise;
  return async () => {
    const { promise: closed, resolve: gone } = Promise.withResolvers<void>();
    server.close(() => gone());
    server.closeAllConnections();
    await closed;
  };
}

async function respond(controls: Controls, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(asked.url ?? "/", "http://lab");
  const node = searchParams.get("node") ?? "";
  switch (`${asked.method} ${pathname}`) {
    case "GET /view":
      answer.setHeader("Content-Type", "application/json");
      answer.end(JSON.stringify(await controls.view()));
      return;
    case "POST /cut":
      answer.end(await controls.cut(node));
      return;
    case "POST /heal":
      answer.end(await controls.heal(node));
      return;
    case "GET /log":
      answer.end(await controls.logOf(searchParams.get("name") ?? ""));
      return;
    case "GET /command":
      answer.setHeader("Content-Type", "application/json");
      answer.end(JSON.stringify(await controls.command(searchParams.get("place") ?? "", searchParams.getAll("word"))));
      return;
    case "POST /stop":
      answer.end();
      controls.stop();
      return;
    default:
      answer.writeHead(404);
  }
  answer.end();
}

/** The other end: asks a lab by its folder. Rejects with the lab's own words when it refuses. */
export function controlsOf(folder: string): Omit<Controls, "stop"> & { stop(): Promise<void> } {
  const ask = (method: "GET" | "POST", path: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const asked = request(
      { socketPath: controlSocket(folder), method, path, headers: { host: "lab" }, timeout: 15_000 },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => {
          text += part;
        });
        answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(text))));
        answer.on("error", reject);
      },
    );
    asked.on("timeout", () => asked.destroy(new Error("the lab does not answer")));
    asked.on("error", reject);
    asked.end();
    return promise;
  };
  const at = (node: string) => `node=${encodeURIComponent(node)}`;
  return {
    view: async () => JSON.parse(await ask("GET", "/view")) as LabView,
    cut: (node) => ask("POST", `/cut?${at(node)}`),
    heal: (node) => ask("POST", `/heal?${at(node)}`),
    logOf: (name) => ask("GET", `/log?name=${encodeURIComponent(name)}`),
    command: async (place, argv) => {
      const query = new URLSearchParams([["place", place], ...argv.map((word) => ["word", word])]);
      return JSON.parse(await ask("GET", `/command?${query.toString()}`)) as WrappedCommand;
    },
    stop: async () => void (await ask("POST", "/stop")),
  };
}
