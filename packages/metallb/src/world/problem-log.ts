import type { Problem } from "#config";
import type { Logger } from "#process";

/** Longest sentence that a line repeats of an object's text. */
const MAX_MESSAGE = 2_000;

/** Logs each problem of the configuration once, as long as it lasts. */
export class ProblemLog {
  private readonly log: Pick<Logger, "error">;
  private told: ReadonlySet<string> = new Set();

  constructor(log: Pick<Logger, "error">) {
    this.log = log;
  }

  tell(problems: readonly Problem[]): void {
    const now = new Set<string>();
    for (const { kind, name, path, code, message } of problems) {
      const text = JSON.stringify([kind, name, path, code, message]);
      now.add(text);
      if (!this.told.has(text))
        this.log.error(message.slice(0, MAX_MESSAGE), { op: "configuration", kind, name, path, code });
    }
    this.told = now;
  }
}
