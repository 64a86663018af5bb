import type { Ask } from "#allocator";
import { formatIp, type Instant, type Ip, ipEquals } from "#net";
import type { WatchedService } from "../watched-service.ts";
import type { Owner } from "./protocol.ts";

/** What the IPAM refused is asked for again after so long: somebody may have made room. */
const AGAIN = 30_000;

interface Refused {
  readonly why: string;
  readonly again: Instant;
}

interface Question {
  readonly ask: Ask;
  refused: Refused | null;
  /** It was answered, and the next turn decides on that. */
  answered: boolean;
}

/** A Service that waits for what an IPAM says. */
interface Seeker extends Owner {
  readonly key: string;
  readonly age: string;
  readonly questions: ReadonlyMap<string, Question>;
}

const idOf = ({ pool, range, family, wanted }: Ask): string =>
  JSON.stringify([pool, range, family, wanted === null ? null : formatIp(wanted)]);

/**
 * Who waits for which answers of an IPAM. A range that is full is full for all who want any address of it: then one
 * of them asks from time to time, the oldest, and when it is given one the others ask, oldest first.
 */
export class Seekers {
  private readonly byUid = new Map<string, Seeker>();
  private readonly uids = new Map<string, string>();
  /** Ranges that are full, by question. */
  private readonly full = new Map<string, Refused>();

  get size(): number {
    return this.byUid.size;
  }

  has(uid: string): boolean {
    return this.byUid.has(uid);
  }

  keys(): readonly string[] {
    return [...this.uids.keys()];
  }

  /** Oldest first. */
  inOrder(): readonly string[] {
    return [...this.byUid.values()].sort((a, b) => (a.age < b.age ? -1 : 1)).map(({ uid }) => uid);
  }

  /** What the Service waits for now; refusals of what it waited for before are kept. */
  set(key: string, service: WatchedService | undefined, asks: readonly Ask[]): void {
    const before = this.uids.get(key);
    const known = before === undefined ? undefined : this.byUid.get(before)?.questions;
    if (before !== undefined) this.byUid.delete(before);
    this.uids.delete(key);
    if (!service || asks.length === 0) return;
    const questions = new Map<string, Question>();
    for (const ask of asks) {
      const old = before === service.uid ? known?.get(idOf(ask)) : undefined;
      questions.set(idOf(ask), old && !old.answered ? old : { ask, refused: null, answered: false });
    }
    const { uid, namespace, name, creationTimestamp } = service;
    this.byUid.set(uid, { key, uid, namespace, name, age: `${creationTimestamp} ${key}`, questions });
    this.uids.set(key, uid);
  }

  /** Why the IPAM refused; null: it did not. */
  refusal(uid: string, ask: Ask): string | null {
    const id = idOf(ask);
    return this.byUid.get(uid)?.questions.get(id)?.refused?.why ?? this.full.get(id)?.why ?? null;
  }

  /** The IPAM gives it nothing; `all`: nor anybody else who asks the same. */
  refuse(uid: string, ask: Ask, why: string, all: boolean, now: Instant): void {
    const id = idOf(ask);
    const refused = { why, again: now + AGAIN };
    if (all && ask.wanted === null) this.full.set(id, refused);
    const question = this.byUid.get(uid)?.questions.get(id);
    if (question) question.refused = all && ask.wanted === null ? null : refused;
  }

  /** The question was answered. Returns whether others may have the same luck who had not. */
  answer(uid: string, ask: Ask): boolean {
    const question = this.byUid.get(uid)?.questions.get(idOf(ask));
    if (question) question.answered = true;
    return this.full.delete(idOf(ask));
  }

  /** The next question that is to be asked. */
  next(uid: string, now: Instant): { readonly owner: Owner; readonly ask: Ask } | null {
    const owner = this.byUid.get(uid);
    if (!owner) return null;
    for (const [id, { ask, refused, answered }] of owner.questions) {
      const full = this.full.get(id);
      if (answered || (refused?.again ?? now) > now || (full?.again ?? now) > now) continue;
      // One is enough to see whether there is room again.
      if (full) this.full.set(id, { ...full, again: now + AGAIN });
      return { owner, ask };
    }
    return null;
  }

  /** An address of the pool was given up. */
  reopen(pool: string, address: Ip): void {
    for (const [id, full] of this.full)
      if ((JSON.parse(id) as readonly unknown[])[0] === pool)
        this.full.set(id, { ...full, again: Number.NEGATIVE_INFINITY });
    for (const { questions } of this.byUid.values())
      for (const question of questions.values())
        if (question.ask.wanted && question.refused && ipEquals(question.ask.wanted, address))
          question.refused = { ...question.refused, again: Number.NEGATIVE_INFINITY };
  }

  /** Whether the Service may get the address that the IPAM has for it already. */
  mayGet(uid: string, pool: string | undefined, address: Ip): boolean {
    for (const { ask } of this.byUid.get(uid)?.questions.values() ?? [])
      if (ask.pool === pool && (ask.family !== address.family || ask.wanted === null || ipEquals(ask.wanted, address)))
        return true;
    return false;
  }
}
