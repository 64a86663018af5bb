import { createServer } from "node:net";

/** A port of 127.0.0.1 that was free just now. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return await promise;
}

/** Words the system's error when a wanted port cannot be had. */
export function portTrouble(option: string, port: number, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "EADDRINUSE") return new Error(`port ${port} is taken: choose another with ${option}, or leave it out`);
  if (code === "EACCES") return new Error(`port ${port} needs root: choose one above 1023 with ${option}`);
  return error instanceof Error ? error : new Error(String(error));
}
