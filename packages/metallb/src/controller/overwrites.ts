import { ALLOCATED_FROM_POOL } from "#api";
import { formatIp, type Instant } from "#net";
import type { Intention } from "./intention.ts";
import type { ConditionText, WatchedService } from "./watched-service.ts";

/** So often a status is put right against somebody who insists. */
const ROUNDS = 5;
/** So often the condition alone is written anew where nothing but the status differs. */
const CONDITION_ROUNDS = 20;
/** Milliseconds after which somebody who did nothing has not insisted. */
const CALM = 10 * 60_000;

interface Contest {
  /** What we want to stand there. */
  readonly wanted: string;
  /** The Service in all that its status does not say. */
  readonly cause: string;
  rounds: number;
  at: Instant;
  told: boolean;
}

export type Ruling =
  /** Nobody else wrote, or not often: go on. */
  | { readonly kind: "go-on" }
  /** Somebody insists: write nothing but the condition that says so; `isNews` the first time. */
  | { readonly kind: "leave"; readonly condition: ConditionText; readonly isNews: boolean };

/**
 * Counts how often somebody else writes over a Service's status, so that no two controllers write for
 * ever: after {@link ROUNDS} times it is left as it is, until the Service, what we want, or the status
 * itself changes to the better.
 */
export class Overwrites {
  private readonly contests = new Map<string, Contest>();
  private readonly conditions = new Map<string, { readonly of: number; rounds: number; since: Instant }>();

  /**
   * `overwritten`: what we wrote stood there, or must have, and does not any more. Called where
   * something is to be written.
   */
  rule(service: WatchedService, intention: Intention, overwritten: boolean, now: Instant): Ruling {
    const { key } = service;
    const before = this.contests.get(key);
    if (!before && !overwritten) return { kind: "go-on" };
    const [wanted, cause] = [wantedText(intention), causeText(service)];
    const current = before && before.wanted === wanted && before.cause === cause && now - before.at < CALM;
    const contest = current ? before : { wanted, cause, rounds: 0, at: now, told: false };
    if (!overwritten && !current) {
      this.contests.delete(key);
      return { kind: "go-on" };
    }
    if (overwritten && contest.rounds <= ROUNDS) contest.rounds++;
    if (overwritten) contest.at = now;
    this.contests.set(key, contest);
    if (contest.rounds <= ROUNDS) return { kind: "go-on" };
    const isNews = !contest.told;
    contest.told = true;
    return { kind: "leave", condition: conditionOf(service), isNews };
  }

  /** Whether that is told already, so that further rounds of it are no news. */
  isLeft(key: string): boolean {
    return this.contests.get(key)?.told ?? false;
  }

  /** The addresses stand as they should: a contest that was given up is over. */
  settled(key: string): void {
    if ((this.contests.get(key)?.rounds ?? 0) > ROUNDS) this.contests.delete(key);
  }

  /** Whether the condition alone may be written once more: somebody may take it away each time. */
  mayTell(service: WatchedService, intention: Intention, now: Instant): boolean {
    const of = hash(`${wantedText(intention)}${causeText(service)}`);
    const before = this.conditions.get(service.key);
    const current = before?.of === of && now - before.since < CALM ? before : { of, rounds: 0, since: now };
    this.conditions.set(service.key, current);
    return current.rounds++ < CONDITION_ROUNDS;
  }

  forget(key: string): void {
    this.contests.delete(key);
    this.conditions.delete(key);
  }
}

/** Every controller of this project writes under this name: that it is another one its reader must be told. */
const OWN_NAME = "metallb-controller";

function writerOf(name: string | undefined): string {
  if (!name) return "another client";
  return name === OWN_NAME ? `a second controller of MetalLB ("${name}")` : `"${name}"`;
}

const conditionOf = ({ statusWriter }: WatchedService): ConditionText => ({
  status: "False",
  reason: "StatusOverwritten",
  message: `${writerOf(statusWriter)} keeps overwriting the status of this Service; it was put right ${ROUNDS} times and is now left as it is, until the Service changes`,
});

const wantedText = ({ desired, condition }: Intention): string =>
  JSON.stringify([desired?.ips.map(formatIp) ?? null, desired?.pool ?? null, condition]);

function causeText({ annotations, ...service }: WatchedService): string {
  const { [ALLOCATED_FROM_POOL]: _, ...asked } = annotations;
  return JSON.stringify({
    ...service,
    asked,
    resourceVersion: "",
    ingress: [],
    condition: null,
    announced: null,
    hasPorts: null,
    statusWriter: "",
  });
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
