import { type Fields, fields, list, numberOrNull, text, texts } from "./fields.ts";
import type { ConfigurationProblem } from "./view.ts";

/** What a speaker tells at `/state`, as far as it is shown. Versions differ: what is missing is read as not told. */
export interface SpeakerState {
  readonly sessions: readonly ToldSession[];
  /** By the Service's key. */
  readonly verdicts: ReadonlyMap<string, ToldVerdict>;
  readonly problems: readonly ConfigurationProblem[];
}

export interface ToldSession {
  readonly peer: string;
  readonly state: string;
  readonly reason: string;
  /** Milliseconds since 1970; null: not told. */
  readonly since: number | null;
  readonly holdTime: number | null;
  readonly announcedPrefixes: number | null;
}

/** What one protocol does for a Service. */
export interface ToldVerdict {
  readonly announced: boolean;
  /** Protocols that announce it: `BGP`, `layer 2`. */
  readonly by: readonly string[];
  /** Why not, protocol by protocol; empty when announced. */
  readonly reason: string;
  /** Names of the peers that are told. */
  readonly peers: readonly string[];
}

/** What the controller tells at `/state`, as far as it is shown. */
export interface ControllerState {
  readonly leading: boolean | null;
  readonly pools: ReadonlyMap<string, { readonly used: string; readonly free: string }>;
  /** Why a Service has no address, or lacks one of a family, by its key. */
  readonly refusals: ReadonlyMap<string, ToldRefusal>;
  readonly problems: readonly ConfigurationProblem[];
}

export interface ToldRefusal {
  readonly code: string;
  readonly message: string;
  readonly pools: readonly { readonly pool: string; readonly reason: string }[];
}

export function readSpeakerState(answer: unknown): SpeakerState {
  const state = fields(answer);
  return {
    sessions: list(state.sessions).map((value) => {
      const session = fields(value);
      return {
        peer: text(session.peer),
        state: text(session.state),
        reason: text(session.reason),
        since: instantOf(session.since),
        holdTime: numberOrNull(session.negotiatedHoldTime),
        announcedPrefixes: numberOrNull(session.announcedPrefixes),
      };
    }),
    verdicts: new Map(entries(state.services).map(([key, value]) => [key, verdictOf(fields(value))])),
    problems: problemsOf(state.problems),
  };
}

function verdictOf({ bgp, layer2 }: Fields): ToldVerdict {
  const told = [
    ["BGP", fields(bgp)],
    ["layer 2", fields(layer2)],
  ] as const;
  const by = told.filter(([, verdict]) => verdict.announced === true).map(([name]) => name);
  const reasons = told.flatMap(([name, verdict]) => {
    const reason = text(verdict.message) || text(verdict.reason);
    if (verdict.announced === true || reason === "") return [];
    return [{ name, reason, unasked: UNASKED.has(text(verdict.reason)) }];
  });
  // That a protocol is not asked for explains nothing where the other is.
  const asked = reasons.filter(({ unasked }) => !unasked);
  return saying(by, asked.length > 0 ? asked : reasons, bgp);
}

/** Reasons that only say that nobody asked for this protocol. */
const UNASKED: ReadonlySet<string> = new Set(["layer2Later", "noAdvertisement", "noL2Advertisement"]);

function saying(
  by: readonly string[],
  reasons: readonly { readonly name: string; readonly reason: string }[],
  bgp: unknown,
): ToldVerdict {
  const [first] = reasons;
  const same = first !== undefined && reasons.every(({ reason }) => reason === first.reason);
  const reason = same ? first.reason : reasons.map(({ name, reason: why }) => `${name}: ${why}`).join("; ");
  return {
    announced: by.length > 0,
    by,
    reason: by.length > 0 ? "" : reason,
    peers: texts(fields(bgp).peers),
  };
}

export function readControllerState(answer: unknown): ControllerState {
  const state = fields(answer);
  const sum = (pool: Fields, field: "used" | "free") =>
    ["ipv4", "ipv6"].reduce((total, family) => total + count(fields(pool[family])[field]), 0n).toString();
  const lacking = list(state.allocations)
    .map(fields)
    .filter((each) => text(fields(each.lacking).message) !== "")
    .map((each) => [text(each.service), refusalOf(fields(each.lacking))] as const);
  const waiting = list(state.waiting)
    .map(fields)
    .map((each) => [text(each.service), refusalOf(each)] as const);
  return {
    leading: typeof state.leading === "boolean" ? state.leading : null,
    pools: new Map(
      list(state.pools)
        .map(fields)
        .map((pool) => [text(pool.name), { used: sum(pool, "used"), free: sum(pool, "free") }]),
    ),
    refusals: new Map([...lacking, ...waiting]),
    problems: problemsOf(state.problems),
  };
}

const refusalOf = (refusal: Fields): ToldRefusal => ({
  code: text(refusal.code),
  message: text(refusal.message) || text(refusal.code),
  pools: list(refusal.pools)
    .map(fields)
    .map((verdict) => ({ pool: text(verdict.pool), reason: text(verdict.message) || text(verdict.code) })),
});

const problemsOf = (value: unknown): readonly ConfigurationProblem[] =>
  list(value)
    .map(fields)
    .map(({ kind, name, path, code, message }) => ({
      object: `${text(kind)} ${text(name)}`.trim(),
      field: text(path),
      code: text(code),
      message: text(message),
    }));

/** An instant of the calendar: numbers of another clock (the time since a process began) are no such thing. */
function instantOf(value: unknown): number | null {
  const instant = numberOrNull(value);
  return instant !== null && instant > 1_000_000_000_000 ? instant : null;
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
