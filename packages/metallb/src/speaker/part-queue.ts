import type { EngineName, EngineTypes } from "./engine-registry.ts";
import type { EnginePart } from "./thread-protocol.ts";

/** Parts that may be under way: enough to keep the engines busy, few enough to be read in a moment. */
const WINDOW = 8;

interface Sending {
  readonly parts: Iterator<unknown>;
  readonly applied: () => void;
}

/**
 * Differences on their way to the engines: cut into parts only when there is room for them, a bounded
 * number under way, and each engine in turn, so that a large difference of one delays no other.
 */
export class PartQueue {
  private readonly post: (part: EnginePart) => void;
  private readonly queues = new Map<EngineName, Sending[]>();
  /** Whose last part is under way, in the order of those parts. */
  private readonly unconfirmed: { readonly sequence: number; readonly applied: () => void }[] = [];
  private sent = 0;
  private confirmed = 0;

  constructor(post: (part: EnginePart) => void) {
    this.post = post;
  }

  get sequence(): { readonly sent: number; readonly applied: number } {
    return { sent: this.sent, applied: this.confirmed };
  }

  /** Nothing waits here to be sent. */
  get isEmpty(): boolean {
    return this.queues.size === 0;
  }

  add<Name extends EngineName>(
    engine: Name,
    parts: Iterable<EngineTypes[Name]["difference"]>,
    applied: () => void,
  ): void {
    const queue = this.queues.get(engine);
    const sending = { parts: parts[Symbol.iterator](), applied };
    if (queue) queue.push(sending);
    else this.queues.set(engine, [sending]);
    this.pump();
  }

  /** Everything up to this number has been taken. */
  applied(sequence: number): void {
    this.confirmed = sequence;
    this.confirm();
    this.pump();
  }

  private pump(): void {
    while (this.queues.size > 0 && this.sent - this.confirmed < WINDOW)
      for (const [engine, queue] of this.queues) this.sendOne(engine, queue);
    this.confirm();
  }

  private sendOne(engine: EngineName, queue: Sending[]): void {
    const [sending] = queue;
    if (!sending) return void this.queues.delete(engine);
    const next = sending.parts.next();
    if (next.done !== true) {
      this.post({ kind: "apply", sequence: ++this.sent, engine, difference: next.value } as EnginePart);
      return;
    }
    queue.shift();
    this.unconfirmed.push({ sequence: this.sent, applied: sending.applied });
    if (queue.length === 0) this.queues.delete(engine);
  }

  private confirm(): void {
    for (;;) {
      const [first] = this.unconfirmed;
      if (!first || first.sequence > this.confirmed) return;
      this.unconfirmed.shift();
      first.applied();
    }
  }
}
