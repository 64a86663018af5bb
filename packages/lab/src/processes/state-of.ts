import { get } from "node:http";

const LIMIT_BYTES = 64 * 1024 * 1024;
/** A frozen process must not hold up those who look. */
const LIMIT_MILLISECONDS = 800;

/** The JSON at `/state` of the health server on this port of 127.0.0.1. */
export function fetchState(port: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const asked = get({ host: "127.0.0.1", port, path: "/state", timeout: LIMIT_MILLISECONDS }, (answer) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LIMIT_BYTES) asked.destroy(new Error("the state is too large"));
      else chunks.push(chunk);
    });
    answer.on("error", reject);
    answer.on("end", () => {
      try {
        resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  asked.on("timeout", () => asked.destroy(new Error("no answer in time")));
  asked.on("error", reject);
  return promise;
}
