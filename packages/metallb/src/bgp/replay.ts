import { createBgpEngine } from "./engine.ts";
import type { RecordedEvent } from "./event-ring.ts";
import type { BgpEffect, SessionReport } from "./events.ts";

export interface Replay {
  /** What each event asked for, in order. */
  readonly steps: readonly { readonly event: RecordedEvent; readonly effects: readonly BgpEffect[] }[];
  readonly reports: readonly SessionReport[];
  /**
   * Whether this is what happened, octet for octet. Not where the ring had lost the beginning, or left
   * out what was too large: then connections that stood before are not known.
   */
  readonly exact: boolean;
}

/** Does again, on a fresh engine, what a live one was told: `engine.recent()` of a process, as a test. */
export function replay(events: readonly RecordedEvent[]): Replay {
  let random: number[] = [];
  const engine = createBgpEngine({ random: () => random.shift() ?? 0.5 });
  const steps = events.map((event) => {
    random = [...event.random];
    return { event, effects: engine.step(event.event, event.at) };
  });
  const exact = events.every(({ number, leftOut }, i) => number === i + 1 && leftOut === 0);
  return { steps, reports: engine.reports(), exact };
}
