import { AgeList } from "./age-list.ts";

/** What some Services wait for: any of the needs, see `need`. Those that wait alike are served or refused alike. */
export interface Wish {
  readonly needs: readonly string[];
  /** Tells apart those that wait for the same and may not be served alike. */
  readonly signature: string;
}

export interface Waiter {
  readonly key: string;
  /** Sorts oldest first: the creation timestamp, then the key. */
  readonly age: string;
  readonly wishes: readonly Wish[];
}

/** Those that wait alike, oldest first. */
export interface Line {
  readonly name: string;
  readonly needs: readonly string[];
  readonly waiters: AgeList<Waiter>;
}

const MAX_TEXTS = 1_000;

/**
 * Who waits for what, so that a release wakes only those that may gain from it, the oldest first. Services that wait
 * alike stand in one line, and needs know lines: so it costs the same how many pools somebody waits for.
 */
export class Waiters {
  private readonly byKey = new Map<string, Waiter>();
  private readonly lines = new Map<string, Line>();
  private readonly byNeed = new Map<string, Set<Line>>();
  private readonly numbers = new WeakMap<readonly string[], number>();
  private readonly byText = new Map<string, number>();
  private last = 0;

  keys(): Iterable<string> {
    return this.byKey.keys();
  }

  set(waiter: Waiter): void {
    this.delete(waiter.key);
    this.byKey.set(waiter.key, waiter);
    for (const wish of waiter.wishes) this.lineOf(wish).waiters.add(waiter);
  }

  delete(key: string): void {
    const waiter = this.byKey.get(key);
    if (!waiter) return;
    this.byKey.delete(key);
    for (const wish of waiter.wishes) {
      const line = this.lines.get(this.nameOf(wish));
      line?.waiters.delete(waiter.age);
      if (line?.waiters.size === 0) this.dissolve(line);
    }
  }

  /** The lines of those that wait for the need. */
  linesFor(need: string): readonly Line[] {
    return [...(this.byNeed.get(need) ?? [])];
  }

  private lineOf(wish: Wish): Line {
    const name = this.nameOf(wish);
    let line = this.lines.get(name);
    if (!line) {
      line = { name, needs: wish.needs, waiters: new AgeList() };
      this.lines.set(name, line);
      for (const need of line.needs) {
        const lines = this.byNeed.get(need);
        if (lines) lines.add(line);
        else this.byNeed.set(need, new Set([line]));
      }
    }
    return line;
  }

  /** Lists of needs are long, and shared by those that have the same: their text is read once. */
  private nameOf({ needs, signature }: Wish): string {
    let number = this.numbers.get(needs);
    if (number === undefined) {
      const text = JSON.stringify(needs);
      number = this.byText.get(text) ?? ++this.last;
      // Two lines of the same needs are as good as one, so that it does no harm to forget.
      if (this.byText.size >= MAX_TEXTS) this.byText.clear();
      this.byText.set(text, number);
      this.numbers.set(needs, number);
    }
    return `${number} ${signature}`;
  }

  private dissolve(line: Line): void {
    this.lines.delete(line.name);
    for (const need of line.needs) {
      const lines = this.byNeed.get(need);
      lines?.delete(line);
      if (lines?.size === 0) this.byNeed.delete(need);
    }
  }
}
