import type { IncomingMessage } from "node:http";
import { ApiError } from "./api-error.ts";
import type { Cluster } from "./cluster.ts";

/** Longest body that is taken into memory, and longest line of a watch: what etcd could ever hold, and more. */
export const MAX_BODY = 64 * 1024 * 1024;
const MAX_LINE = 16 * 1024 * 1024;

export async function credentials(cluster: Cluster): Promise<string | null> {
  try {
    return await cluster.token();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "Credentials", `no credentials: ${(error as Error).message}`, null, error);
  }
}

export async function readBody(response: IncomingMessage, limit: number): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > limit) throw new ApiError(0, "TooLarge", `the answer is longer than ${limit} octets`);
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "Interrupted", `the answer broke off: ${(error as Error).message}`, null, error);
  }
  return Buffer.concat(pieces).toString("utf8");
}

export async function readLines(response: IncomingMessage, onLine: (line: string) => void): Promise<void> {
  let rest: string[] = [];
  let held = 0;
  response.setEncoding("utf8");
  try {
    for await (const piece of response as AsyncIterable<string>) {
      let from = 0;
      for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
        const line = rest.join("") + piece.slice(from, end);
        rest = [];
        held = 0;
        from = end + 1;
        if (line !== "") onLine(line);
      }
      if (from < piece.length) rest.push(piece.slice(from));
      held += piece.length - from;
      if (held > MAX_LINE)
        throw new ApiError(0, "TooLarge", `a line of the watch is longer than ${MAX_LINE} characters`);
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, "Interrupted", `the watch broke off: ${(error as Error).message}`, null, error);
  }
}

export function parseJson(text: string, what: string): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    throw new ApiError(0, "BadAnswer", `${what}: the answer is not JSON`);
  }
}

export function errorOf(response: IncomingMessage, text: string, what: string): ApiError {
  const status = response.statusCode ?? 0;
  let reason = "";
  let message = text.slice(0, 300);
  try {
    const parsed = JSON.parse(text) as { reason?: string; message?: string };
    reason = parsed.reason ?? "";
    message = parsed.message ?? message;
  } catch {
    // Not a Status object: a proxy on the way, perhaps. Its text is all there is.
  }
  const seconds = Number(response.headers["retry-after"]);
  const retryAfter = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 300) * 1000 : null;
  return new ApiError(status, reason, `${what}: ${status} ${message}`.trim(), retryAfter);
}
