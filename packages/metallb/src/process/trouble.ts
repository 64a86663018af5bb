import type { Logger } from "./logger.ts";

/** A minute: how often the same trouble is told while it lasts. */
const REPEAT = 60_000;

/** One line when the API begins to fail in a certain way, not one for each watch and each try. */
export class Trouble {
  private readonly log: Logger;
  private readonly told = new Map<string, number>();

  constructor(log: Logger) {
    this.log = log;
  }

  of(what: string, msg = "a request to the Kubernetes API failed; trying again"): (message: string) => void {
    return (message) => {
      const now = performance.now();
      if (now - (this.told.get(message) ?? Number.NEGATIVE_INFINITY) < REPEAT) return;
      for (const [text, at] of this.told) if (now - at >= REPEAT) this.told.delete(text);
      this.told.set(message, now);
      this.log.warn(msg, { op: "watch", what, error: message });
    };
  }
}
