import type { Problem } from "#config";
import { backoff, type Duration, type Instant } from "#net";

/** Whose ConfigurationState it is. */
export interface StateIdentity {
  /** `controller`, or `speaker-` and the node's name. */
  readonly name: string;
  readonly component: "controller" | "speaker";
  /** The speaker's node. */
  readonly node: string | null;
  /** The own Pod, with which the object goes; null: nobody owns it. */
  readonly owner: { readonly name: string; readonly uid: string } | null;
  readonly fieldManager: string;
  readonly conditionType: string;
}

/** What an object of the kind says, in the fields that this process owns. */
export interface StandingState {
  readonly labels: Readonly<Record<string, string>>;
  readonly owners: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly result: string;
  readonly errorSummary: string;
  readonly condition: StateCondition | null;
}

export interface StateCondition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

export type StateEvent =
  /** What is wrong with the configuration now. */
  | { readonly kind: "problems"; readonly problems: readonly Problem[] }
  /** Annotations that the object is to bear beside. */
  | { readonly kind: "annotations"; readonly annotations: Readonly<Record<string, string>> }
  /** What the API holds; null: nothing. */
  | { readonly kind: "seen"; readonly standing: StandingState | null }
  /** `standing` is what the API answered. */
  | { readonly kind: "written"; readonly standing: StandingState }
  | { readonly kind: "failed"; readonly retryAfter: Duration | null }
  | { readonly kind: "time" };

export type StateEffect =
  | {
      readonly kind: "write";
      /** The object itself too: it is missing, or its labels, annotations or owner are. */
      readonly whole: boolean;
      readonly annotations: Readonly<Record<string, string>>;
      readonly condition: StateCondition;
      readonly result: "Valid" | "Invalid";
    }
  /** Call again at this time. */
  | { readonly kind: "wake"; readonly at: Instant };

/** A condition's message holds 32,768 characters (metav1.Condition). */
const MAX_MESSAGE = 32_000;
const MAX_PROBLEM = 1_000;
const PAUSE = { first: 1_000, max: 60_000 };
/** How long the watch may still show what stood before a write, and what somebody undid stays undone. */
const SETTLING = 1_000;

/**
 * Keeps a ConfigurationState at what is wrong with the configuration (contract 2.10): there after the
 * first reading, brought back when somebody deletes it, written only where it differs, and with a
 * transition time that changes with the condition's status alone, across restarts too. Pure.
 */
export class ConfigurationStateMachine {
  private readonly identity: StateIdentity;
  private readonly random: () => number;
  /** Null: nothing was read yet. */
  private problems: readonly Problem[] | null = null;
  private annotations: Readonly<Record<string, string>> = {};
  /** Undefined: not known yet. */
  private standing: StandingState | null | undefined;
  private writing = false;
  private failures = 0;
  private notBefore = 0;

  constructor(identity: StateIdentity, random: () => number) {
    this.identity = identity;
    this.random = random;
  }

  /** `now` in milliseconds of a clock that never goes back, `date` in RFC 3339, to the second. */
  step(event: StateEvent, now: Instant, date: string): readonly StateEffect[] {
    switch (event.kind) {
      case "problems":
        this.problems = event.problems;
        break;
      case "annotations":
        this.annotations = event.annotations;
        break;
      case "seen":
        this.standing = event.standing;
        break;
      case "written":
        this.writing = false;
        this.failures = 0;
        this.standing = event.standing;
        this.notBefore = now + SETTLING;
        break;
      case "failed": {
        this.writing = false;
        const pause = backoff(PAUSE, ++this.failures, this.random());
        this.notBefore = now + Math.max(pause, event.retryAfter ?? 0);
        break;
      }
      case "time":
        break;
    }
    return this.next(now, date);
  }

  private next(now: Instant, date: string): readonly StateEffect[] {
    if (this.problems === null || this.standing === undefined || this.writing) return [];
    const desired = this.desired(this.problems, date);
    if (this.says(desired.condition, desired.result)) return [];
    if (now < this.notBefore) return [{ kind: "wake", at: this.notBefore }];
    this.writing = true;
    return [{ kind: "write", whole: !this.isWhole(), annotations: this.annotations, ...desired }];
  }

  private desired(problems: readonly Problem[], date: string) {
    const status = problems.length === 0 ? "True" : "False";
    const before = this.standing?.condition;
    const condition: StateCondition = {
      type: this.identity.conditionType,
      status,
      reason: status === "True" ? "Reconciled" : "ConfigurationError",
      message: status === "True" ? "" : `configuration error: ${summaryOf(problems)}`,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : date,
    };
    return { condition, result: status === "True" ? ("Valid" as const) : ("Invalid" as const) };
  }

  private says({ type, status, reason, message }: StateCondition, result: string): boolean {
    const { standing } = this;
    if (!standing) return false;
    const { condition } = standing;
    return (
      this.isWhole() &&
      standing.result === result &&
      standing.errorSummary === message &&
      condition?.type === type &&
      condition.status === status &&
      condition.reason === reason &&
      condition.message === message
    );
  }

  /** The object is there, with our labels and annotations and our Pod as its owner. */
  private isWhole(): boolean {
    const { standing, identity } = this;
    if (!standing) return false;
    return (
      Object.entries(labelsOf(identity)).every(([name, value]) => standing.labels[name] === value) &&
      Object.entries(this.annotations).every(([name, value]) => standing.annotations?.[name] === value) &&
      (identity.owner === null || standing.owners.includes(identity.owner.uid))
    );
  }
}

/** One line a problem, as many as fit; how many are left out is said. */
function summaryOf(problems: readonly Problem[]): string {
  const lines: string[] = [];
  let room = MAX_MESSAGE;
  for (const [i, { kind, name, message }] of problems.entries()) {
    const line = `${kind} ${name}: ${message.length > MAX_PROBLEM ? `${message.slice(0, MAX_PROBLEM)}…` : message}`;
    room -= line.length + 1;
    if (room < 0) {
      lines.push(`and ${problems.length - i} more`);
      break;
    }
    lines.push(line);
  }
  return lines.join("\n");
}

export function labelsOf({ component, node }: StateIdentity): Readonly<Record<string, string>> {
  const type = { "metallb.io/component-type": component };
  return node === null ? type : { ...type, "metallb.io/node-name": node };
}
