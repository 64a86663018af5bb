import type { IncomingMessage, ServerResponse } from "node:http";
import { tooLarge } from "../base/errors.ts";
import { MAX_OBJECT } from "../base/limits.ts";
import type { User } from "../base/user.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Performer } from "../webhooks/perform.ts";
import type { PodBackends } from "./pod-connect.ts";
import type { Watch } from "./watch.ts";

/** One request on its way. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly user: User;
}

export interface HandlerOptions {
  readonly cluster: Cluster;
  readonly performer: Performer;
  readonly now: () => number;
  readonly bookmarkInterval: number;
  /** Watches that live, so that closing the server ends them. */
  readonly watches: Set<Watch>;
  /** What stands behind Pods; null: nothing. */
  readonly pods: PodBackends | null;
}

/** Reads the whole body, up to 3 MiB. @throws ApiError 413 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size > MAX_OBJECT) throw tooLarge(MAX_OBJECT);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

/** HEAD has no body, so it would never end. */
export const isWatch = ({ query, method }: Exchange) =>
  method === "GET" && ["true", "1"].includes(query.get("watch") ?? "");
