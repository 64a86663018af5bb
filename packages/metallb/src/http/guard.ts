import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Instant } from "#net";

export type Access = "allowed" | "unauthenticated" | "forbidden" | "unknown" | "busy";

export interface User {
  readonly username: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** What the guard asks of the Kubernetes API; `kube` has the real part. They throw when the API cannot answer. */
export interface Reviews {
  /** TokenReview: whose token it is, or null. */
  authenticate(token: string): Promise<User | null>;
  /** SubjectAccessReview: may the user `get` the path? */
  mayGet(user: User, path: string): Promise<boolean>;
}

export type Guard = (request: IncomingMessage) => Promise<Access>;

const MAX_TOKEN = 16_384;
const MAX_CACHED = 256;
const TTL = 10_000;
/** Questions to the API that one source may cause at once, and how often another may follow: milliseconds. */
const BURST = 10;
const REFILL = 2_000;
const MAX_SOURCES = 1024;
/** Under way at once, of all sources. */
const MAX_ASKING = 16;

/**
 * Answers from a short cache, so that a scrape costs the API server two requests now and then, not each time; and
 * tokens that are made up cost it no more than a few. `now` is a clock that never goes back.
 */
export function createGuard(reviews: Reviews, now: () => Instant = () => performance.now()): Guard {
  const buckets = new Map<string, { tokens: number; at: Instant }>();
  let asking = 0;
  const mayAsk = (source: string): boolean => {
    const bucket = buckets.get(source) ?? { tokens: BURST, at: now() };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now() - bucket.at) / REFILL);
    bucket.at = now();
    buckets.delete(source);
    if (buckets.size >= MAX_SOURCES) buckets.delete(buckets.keys().next().value as string);
    buckets.set(source, bucket);
    if (bucket.tokens < 1 || asking >= MAX_ASKING) return false;
    bucket.tokens--;
    return true;
  };
  const cache = new Map<string, { readonly until: Instant; readonly access: Promise<Access> }>();
  const ask = async (token: string, path: string): Promise<Access> => {
    const user = await reviews.authenticate(token);
    if (!user) return "unauthenticated";
    return (await reviews.mayGet(user, path)) ? "allowed" : "forbidden";
  };
  return async (request) => {
    const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined || token.length > MAX_TOKEN) return "unauthenticated";
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    // The hash, not the token: a memory dump must not hold credentials longer than the request.
    const key = createHash("sha256").update(`${path}\n${token}`).digest("base64");
    const cached = cache.get(key);
    if (cached && cached.until > now()) return cached.access;
    if (!mayAsk(request.socket.remoteAddress ?? "")) return "busy";
    asking++;
    const access = ask(token, path)
      .catch((): Access => {
        cache.delete(key);
        return "unknown";
      })
      .finally(() => asking--);
    cache.delete(key);
    if (cache.size >= MAX_CACHED) cache.delete(cache.keys().next().value as string);
    cache.set(key, { until: now() + TTL, access });
    return access;
  };
}
