/** A message that cannot be shorter: less room than this is none. */
const LEAST = 24;
/** Messages that do not fit any more are passed over so often before the packet is closed. */
const MISSES = 8;

/** What is to be told to everybody, each piece some times: a newer one about the same member replaces the older. */
export class Broadcasts {
  /** By how often they were sent, oldest first. */
  private readonly rounds: Map<string, Uint8Array>[] = [];
  private readonly sent = new Map<string, number>();

  add(about: string, bytes: Uint8Array): void {
    const sent = this.sent.get(about);
    if (sent !== undefined) this.rounds[sent]?.delete(about);
    this.put(about, bytes, 0);
  }

  get isEmpty(): boolean {
    return this.sent.size === 0;
  }

  /** Those that were sent least, as many as fit; each is dropped after `limit` times. */
  take(room: number, overhead: number, limit: number): Uint8Array[] {
    const taken: { readonly about: string; readonly bytes: Uint8Array; readonly sent: number }[] = [];
    let left = room;
    let misses = 0;
    for (const [sent, round] of this.rounds.entries()) {
      for (const [about, bytes] of round) {
        const size = bytes.length + overhead;
        if (left < LEAST || misses >= MISSES || taken.length >= 255) break;
        if (size > left) {
          misses += 1;
          continue;
        }
        left -= size;
        taken.push({ about, bytes, sent });
      }
    }
    for (const { about, bytes, sent } of taken) {
      this.rounds[sent]?.delete(about);
      if (sent + 1 < limit) this.put(about, bytes, sent + 1);
      else this.sent.delete(about);
    }
    return taken.map(({ bytes }) => bytes);
  }

  private put(about: string, bytes: Uint8Array, sent: number): void {
    while (this.rounds.length <= sent) this.rounds.push(new Map());
    this.rounds[sent]?.set(about, bytes);
    this.sent.set(about, sent);
  }
}
