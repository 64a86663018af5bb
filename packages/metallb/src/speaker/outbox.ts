import type { FromEngines, Telling } from "./thread-protocol.ts";

/** Log lines that wait at most; older ones give way. */
const MAX_LINES = 200;

/**
 * What the engines have to tell, while the main thread may be busy: one message is under way at a
 * time, and what comes meanwhile collapses to the latest about each subject. So a main thread that
 * stands still costs no memory, and the engines never wait for it.
 */
export class Outbox {
  private readonly post: (message: FromEngines) => void;
  /** By what a later telling takes the place of. */
  private readonly latest = new Map<string, Telling>();
  private lines: Telling[] = [];
  private lost = 0;
  private underWay = false;

  constructor(post: (message: FromEngines) => void) {
    this.post = post;
  }

  tell(telling: Telling): void {
    if (telling.kind === "log") {
      this.lines.push(telling);
      if (this.lines.length > MAX_LINES) this.lost += this.lines.splice(0, 1).length;
    } else this.latest.set(subject(telling), telling);
    if (!this.underWay) this.flush();
  }

  /** The main thread has read what was under way. */
  heard(): void {
    this.underWay = false;
    if (this.latest.size + this.lines.length > 0) this.flush();
  }

  /** Sends what there is, heard or not. */
  flush(): void {
    const lost: readonly Telling[] =
      this.lost === 0
        ? []
        : [
            {
              kind: "log",
              engine: "",
              level: "warn",
              subject: "",
              message: `${this.lost} earlier log lines were dropped`,
            },
          ];
    this.post({ kind: "news", tellings: [...lost, ...this.lines, ...this.latest.values()] });
    this.lines = [];
    this.lost = 0;
    this.latest.clear();
    this.underWay = true;
  }
}

const subject = (telling: Exclude<Telling, { kind: "log" }>): string =>
  telling.kind === "applied" ? "applied" : `${telling.engine} ${telling.report.kind} ${telling.about}`;
