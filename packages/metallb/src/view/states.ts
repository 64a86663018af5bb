import type { Seconds, Timestamp } from "#net";
import type {
  ControllerReport,
  ReportedProblem,
  ReportedRefusal,
  ReportedSession,
  ReportedVerdict,
  ReportedVerdicts,
  SpeakerReport,
} from "#report";
import { type Fields, fields, list, numberOrNull, text, texts } from "./fields.ts";
import type { ConfigurationProblem, PathView, SessionView } from "./view.ts";

/** Any version may have answered, or something else: each field is looked at before it is believed. */
type Told<T> = { readonly [Field in keyof T]?: unknown };
const told = <T>(value: unknown): Told<T> => fields(value) as Told<T>;

/** What a speaker tells at `/state`, as far as it is shown. What is missing is read as not told. */
export interface SpeakerState {
  readonly sessions: readonly ToldSession[];
  /** By the Service's key. */
  readonly verdicts: ReadonlyMap<string, ToldVerdict>;
  /** Whether Services are left out, since there are too many. */
  readonly isPartial: boolean;
  readonly layer2: readonly {
    readonly address: string;
    readonly service: string;
    readonly interfaces: readonly string[];
  }[];
  /** Interfaces of the node whose reverse path filter is strict. */
  readonly strictReversePaths: readonly string[];
  readonly problems: readonly ConfigurationProblem[];
}

export interface ToldSession {
  readonly peer: string;
  readonly state: string;
  readonly reason: string;
  /** Milliseconds since 1970; null: not told. */
  readonly since: Timestamp | null;
  /** What does not work although the session stands. */
  readonly shortcomings: readonly string[];
  readonly announcedPrefixes: number | null;
  /** What it does by itself, and when. */
  readonly next: SessionView["next"];
  readonly holdEndsAt: Timestamp | null;
  readonly holdTime: Seconds | null;
  readonly bfd: PathView | null;
}

const UNTOLD = { next: null, holdEndsAt: null, holdTime: null, bfd: null } as const;

/** What is done for a Service. */
export interface ToldVerdict {
  readonly announced: boolean;
  /** Protocols that announce it: `BGP`, `layer 2`. */
  readonly by: readonly string[];
  /** Why not, protocol by protocol; empty when announced. */
  readonly reason: string;
  /** Whether that is as it should be: another node owns it, say. */
  readonly byDesign: boolean;
  /** Names of the peers that are told. */
  readonly peers: readonly string[];
  /** Addresses that are left out although it is announced, each with its reason. */
  readonly lacking: readonly string[];
  /** What is to be known of the announcement besides. */
  readonly notes: readonly string[];
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
  const state = told<SpeakerReport>(answer);
  return {
    sessions: sessionsOf(state),
    verdicts: new Map(entries(state.services).map(([key, value]) => [key, verdictOf(told<ReportedVerdicts>(value))])),
    isPartial: (numberOrNull(state.omitted) ?? 0) > 0,
    layer2: list(state.layer2)
      .map(fields)
      .map(({ address, service, interfaces }) => ({
        address: text(address),
        service: text(service),
        interfaces: texts(interfaces),
      })),
    strictReversePaths: texts(state.strictReversePaths),
    problems: problemsOf(state.problems),
  };
}

/** Each session, with what is wrong with its peer; a peer that cannot even be tried is one that is not established. */
function sessionsOf(state: Told<SpeakerReport>): readonly ToldSession[] {
  const problems = new Map<string, string[]>();
  for (const { peer, message } of list(state.peerProblems).map(fields)) {
    const name = text(peer);
    problems.set(name, [...(problems.get(name) ?? []), text(message)]);
  }
  const sessions = list(state.sessions).map((value): ToldSession => {
    const session = told<ReportedSession>(value);
    const peer = text(session.peer);
    const own = problems.get(peer) ?? [];
    problems.delete(peer);
    return {
      peer,
      state: text(session.state),
      reason: text(session.reason),
      since: instantOf(session.since),
      shortcomings: [...texts(session.shortcomings), ...own],
      announcedPrefixes: numberOrNull(session.announcedPrefixes),
      next: nextOf(session.next),
      holdEndsAt: instantOf(session.holdEndsAt),
      holdTime: numberOrNull(session.negotiatedHoldTime),
      bfd: pathOf(session.bfd),
    };
  });
  const untried = [...problems].map(([peer, messages]): ToldSession => {
    const reason = messages.join("; ");
    return { peer, state: "not tried", reason, since: null, shortcomings: [], announcedPrefixes: null, ...UNTOLD };
  });
  return [...sessions, ...untried];
}

function nextOf(value: unknown): SessionView["next"] {
  const { kind, at } = fields(value);
  const instant = instantOf(at);
  return instant !== null && (kind === "connect" || kind === "give up") ? { kind, at: instant } : null;
}

function pathOf(value: unknown): PathView | null {
  const { state, reason, detectionTime } = fields(value);
  return text(state) === ""
    ? null
    : { state: text(state), reason: text(reason), detectionTime: numberOrNull(detectionTime) };
}

function verdictOf({ bgp, layer2, applied }: Told<ReportedVerdicts>): ToldVerdict {
  const both = [
    ["BGP", told<Extract<ReportedVerdict, { announced: true }>>(bgp), fields(bgp)],
    ["layer 2", told<Extract<ReportedVerdict, { announced: true }>>(layer2), fields(layer2)],
  ] as const;
  const by = both.filter(([, verdict]) => verdict.announced === true).map(([name]) => name);
  const refusals = both.flatMap(([name, { announced }, { message, reason: code }]) => {
    const reason = text(message) || text(code);
    return announced === true || reason === "" ? [] : [{ name, reason, code: text(code) }];
  });
  // That a protocol is not asked for explains nothing where the other is.
  const asked = refusals.filter(({ code }) => !UNASKED.has(code));
  const reasons = asked.length > 0 ? asked : refusals;
  const [first] = reasons;
  const same = first !== undefined && reasons.every(({ reason }) => reason === first.reason);
  const reason = same ? first.reason : reasons.map(({ name, reason: why }) => `${name}: ${why}`).join("; ");
  const lacking = both.flatMap(([, verdict]) => list(verdict.lacking).map(fields));
  const announced = by.length > 0 && applied !== false;
  return {
    announced,
    by,
    reason: announced ? "" : by.length > 0 ? "decided, and not yet taken by the engines" : reason,
    byDesign: !announced && reasons.length > 0 && reasons.every(({ code }) => BY_DESIGN.has(code)),
    peers: texts(both[0][1].peers),
    notes: list(both[0][1].notes).map((each) => text(fields(each).message) || text(fields(each).reason)),
    lacking: lacking.map((each) => `${texts(each.ips).join(", ")}: ${text(each.message) || text(each.reason)}`),
  };
}

/** Reasons that only say that nobody asked for this protocol. */
const UNASKED: ReadonlySet<string> = new Set(["layer2Later", "noAdvertisement", "noL2Advertisement"]);

/** Reasons that are as somebody wanted it, where another node announces. */
const BY_DESIGN: ReadonlySet<string> = new Set([
  "ownedByOther",
  "nodeDraining",
  "noNamedInterface",
  "noUsableInterface",
  "outsideSubnet",
  "notOwner",
  "noLocalEndpoints",
  "noMatchingAdvertisement",
  "nodeLabeledExcludeBalancers",
]);

export function readControllerState(answer: unknown): ControllerState {
  const state = told<ControllerReport>(answer);
  const sum = (pool: Fields, field: "used" | "free") =>
    ["ipv4", "ipv6"].reduce((total, family) => total + count(fields(pool[family])[field]), 0n).toString();
  const lacking = list(state.allocations)
    .map(fields)
    .filter((each) => text(fields(each.lacking).message) !== "")
    .map((each) => [text(each.service), refusalOf(told<ReportedRefusal>(each.lacking))] as const);
  const waiting = list(state.waiting)
    .map(fields)
    .map((each) => [text(each.service), refusalOf(told<ReportedRefusal>(each))] as const);
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

const refusalOf = (refusal: Told<ReportedRefusal>): ToldRefusal => ({
  code: text(refusal.code),
  message: text(refusal.message) || text(refusal.code),
  pools: list(refusal.pools)
    .map(fields)
    .map((verdict) => ({ pool: text(verdict.pool), reason: text(verdict.message) || text(verdict.code) })),
});

const problemsOf = (value: unknown): readonly ConfigurationProblem[] =>
  list(value)
    .map((problem) => told<ReportedProblem>(problem))
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
