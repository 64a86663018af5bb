import { changesBetween, differenceOf, type View, written } from "#view";

/** What pages are told: everything at first, then what differs. */
export type Told = { readonly kind: "view" | "difference"; readonly data: string };

export interface Listener {
  readonly tell: (told: Told) => void;
  /** The feed is over. */
  readonly end: () => void;
}

/** One line of the timeline. */
interface Change {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

const PERIOD = 1_000;
/** As many as a page shows. */
const MOST_CHANGES = 200;

type Written = ReturnType<typeof written>;

/** Looks once a second while anybody listens, and tells all of them what is new. */
export class Feed {
  private readonly view: () => Promise<View>;
  private readonly audience = new Set<Listener>();
  private timer: NodeJS.Timeout | null = null;
  private last: Written | null = null;
  /** Newest first; kept while nobody looks, so that a page that is opened again has them. */
  private changes: readonly Change[] = [];
  private looking = false;

  constructor(view: () => Promise<View>) {
    this.view = view;
  }

  get listeners(): number {
    return this.audience.size;
  }

  /** Everything, for one who has nothing yet or has missed something; null: nothing was seen yet. */
  whole(): Told | null {
    const { last, changes } = this;
    return last === null ? null : { kind: "view", data: JSON.stringify({ view: last.view, changes }) };
  }

  /** Returns how to leave. */
  join(listener: Listener): () => void {
    const whole = this.whole();
    this.audience.add(listener);
    if (whole !== null) listener.tell(whole);
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
    // What happens while nobody looks has no time, and is not told as if it were new.
    this.last = null;
  }

  private async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      const view = await this.view();
      if (view === this.last?.view || this.timer === null) return;
      this.take(written(view));
    } catch {
      // The lab is ending; the page sees its connection close.
    } finally {
      this.looking = false;
    }
  }

  private take(next: Written): void {
    const { last } = this;
    this.last = next;
    if (last === null || last.view.kind !== next.view.kind) {
      const whole = this.whole();
      if (whole !== null) this.tell(whole);
      return;
    }
    const difference = differenceOf(last, next);
    if (difference === null) return;
    const at = Date.now();
    const fresh = changesBetween(last.view, next.view).map((text) => ({ at, text }));
    this.changes = [...fresh, ...this.changes].slice(0, MOST_CHANGES);
    this.tell({ kind: "difference", data: JSON.stringify({ difference, changes: fresh }) });
  }

  private tell(told: Told): void {
    for (const listener of this.audience) listener.tell(told);
  }
}
