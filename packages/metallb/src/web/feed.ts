import type { View } from "#view";

export interface Listener {
  /** JSON of a View. */
  readonly tell: (data: string) => void;
  /** The feed is over. */
  readonly end: () => void;
}

const PERIOD = 1_000;

/** Looks at the lab once a second while anybody listens, and tells all of them what is new. */
export class Feed {
  private readonly view: () => Promise<View>;
  private readonly audience = new Set<Listener>();
  private timer: NodeJS.Timeout | null = null;
  private last = "";
  private looking = false;

  constructor(view: () => Promise<View>) {
    this.view = view;
  }

  get listeners(): number {
    return this.audience.size;
  }

  /** Returns how to leave. */
  join(listener: Listener): () => void {
    this.audience.add(listener);
    if (this.last !== "") listener.tell(this.last);
    this.timer ??= setInterval(() => void this.look(), PERIOD);
    void this.look();
    return () => {
      this.audience.delete(listener);
      if (this.audience.size === 0) this.rest();
    };
  }

  close(): void {
    this.rest();
    for (const listener of this.audience) listener.end();
    this.audience.clear();
  }

  private rest(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    this.last = "";
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const data = JSON.stringify(await this.view());
      if (data === this.last || this.timer === null) return;
      this.last = data;
      for (const listener of this.audience) listener.tell(data);
    } catch {
      // The lab is ending; the page sees its connection close.
    } finally {
      this.looking = false;
    }
  }
}
