/** What happened, in order, told apart by two hashes of 32 bits: of a million runs no two are taken for one. */
export class Trace {
  steps = 0;
  private first = 0x811c9dc5;
  private second = 0x9e3779b9;

  /** Something took effect: what, of whom, and how it went. What changes nothing is not told. */
  note(what: number): void {
    this.steps++;
    this.first = Math.imul(this.first ^ what, 0x01000193);
    const mixed = Math.imul(this.second ^ what, 0x85ebca6b);
    this.second = mixed ^ (mixed >>> 15);
  }

  /** An integer of 53 bits. */
  get hash(): number {
    return (this.first >>> 0) * 2 ** 21 + (this.second >>> 11);
  }
}

/** What can happen; the whole is `what`, and `whom` and `how` below 64. */
export const HAPPENED = {
  edited: 1,
  served: 2,
  answered: 3,
  failed: 4,
  timer: 5,
  told: 6,
  decided: 7,
  relisted: 8,
  repeated: 9,
  died: 10,
  left: 11,
  started: 12,
  stalled: 13,
  woke: 14,
} as const;

export const happened = (what: keyof typeof HAPPENED, whom: number, how = 0): number =>
  (HAPPENED[what] * 64 + (whom & 63)) * 4_096 + (how & 4_095);
