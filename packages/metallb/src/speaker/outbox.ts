import type { FromEngines, Telling } from "./thread-protocol.ts";

/** Log lines that wait at most; older ones give way. */
const MAX_LINES = 200;

/**
 * What the engines have to tell, while the main thread may be busy: one message is under way at a
 * time, and what comes meanwhile collapses to the latest of each peer. So a main thread that stands
 * still costs no memory, and the engines never wait for it.
 */
export class Outbox {
  readonly #post: (message: FromEngines) => void;
  /** By what a later telling takes the place of. */
  readonly #latest = new Map<string, Telling>();
  #lines: Telling[] = [];
  #lost = 0;
  #underWay = false;

  constructor(post: (message: FromEngines) => void) {
    this.#post = post;
  }

  tell(telling: Telling): void {
    if (telling.kind === "log") {
      this.#lines.push(telling);
      if (this.#lines.length > MAX_LINES) this.#lost += this.#lines.splice(0, 1).length;
    } else this.#latest.set(telling.kind === "session" ? `session ${telling.report.peer}` : telling.kind, telling);
    if (!this.#underWay) this.flush();
  }

  /** The main thread has read what was under way. */
  heard(): void {
    this.#underWay = false;
    if (this.#latest.size + this.#lines.length > 0) this.flush();
  }

  /** Sends what there is, heard or not. */
  flush(): void {
    const lost: readonly Telling[] =
      this.#lost === 0
        ? []
        : [{ kind: "log", level: "warn", peer: "", message: `${this.#lost} earlier lines were left out` }];
    this.#post({ kind: "news", tellings: [...lost, ...this.#lines, ...this.#latest.values()] });
    this.#lines = [];
    this.#lost = 0;
    this.#latest.clear();
    this.#underWay = true;
  }
}
