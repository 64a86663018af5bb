import { get } from "node:http";

/** What a speaker tells at `/state`, as far as it is shown. */
export interface SpeakerState {
  readonly sessions: readonly {
    readonly state: string;
    readonly reason: string;
    readonly announcedPrefixes: number | null;
  }[];
  /** By the Service's key. */
  readonly verdicts: ReadonlyMap<string, { readonly announced: boolean; readonly reason: string }>;
}

/** What the controller tells at `/state`, as far as it is shown. */
export interface ControllerState {
  readonly pools: ReadonlyMap<string, { readonly used: string; readonly free: string }>;
  /** Why a Service has no address, by its key. */
  readonly refusals: ReadonlyMap<string, string>;
}

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

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

export function readSpeakerState(answer: unknown): SpeakerState {
  const state = fields(answer);
  return {
    sessions: list(state.sessions).map((value) => {
      const session = fields(value);
      const announced = session.announcedPrefixes;
      return {
        state: text(session.state),
        reason: text(session.reason),
        announcedPrefixes: typeof announced === "number" ? announced : null,
      };
    }),
    verdicts: new Map(
      entries(state.services).map(([key, value]) => {
        const bgp = fields(fields(value).bgp);
        return [key, { announced: bgp.announced === true, reason: text(bgp.message) || text(bgp.reason) }];
      }),
    ),
  };
}

export function readControllerState(answer: unknown): ControllerState {
  const state = fields(answer);
  const sum = (pool: Fields, field: "used" | "free") =>
    ["ipv4", "ipv6"].reduce((total, family) => total + count(fields(pool[family])[field]), 0n).toString();
  return {
    pools: new Map(
      list(state.pools)
        .map(fields)
        .map((pool) => [text(pool.name), { used: sum(pool, "used"), free: sum(pool, "free") }]),
    ),
    refusals: new Map(
      list(state.waiting)
        .map(fields)
        .map((waiting) => [text(waiting.service), text(waiting.message) || text(waiting.code)]),
    ),
  };
}

/** A number, or digits where numbers end. */
const count = (value: unknown): bigint =>
  Number.isSafeInteger(value) || (typeof value === "string" && /^\d{1,40}$/.test(value))
    ? BigInt(value as number | string)
    : 0n;

/** The entries of an object, or of a list of objects that name their Service. */
function entries(value: unknown): readonly (readonly [string, unknown])[] {
  if (!Array.isArray(value)) return Object.entries(fields(value));
  return value.map((each) => [text(fields(each).service) || text(fields(each).key), each] as const);
}
