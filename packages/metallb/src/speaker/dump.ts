import { encodeDump, type RecordedEvent } from "#bgp";

/** Questions to the engines' thread for its last events, each answered once. */
export class Dumps {
  private readonly ask: (id: number) => void;
  private readonly asked = new Map<number, (events: readonly RecordedEvent[]) => void>();
  private next = 1;

  constructor(ask: (id: number) => void) {
    this.ask = ask;
  }

  /** The last events as text. */
  take(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<readonly RecordedEvent[]>();
    const id = this.next++;
    this.asked.set(id, resolve);
    this.ask(id);
    return promise.then(encodeDump);
  }

  answered(id: number, events: readonly RecordedEvent[]): void {
    this.asked.get(id)?.(events);
    this.asked.delete(id);
  }
}
