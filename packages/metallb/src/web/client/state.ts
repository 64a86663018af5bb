import { effect, signal } from "@preact/signals";
import { changesBetween, type View } from "#view";

/** What was told last; null until anything was. */
export const view = signal<View | null>(null);

export interface Change {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** What changed while the page was open, newest first. */
export const changes = signal<readonly Change[]>([]);

const MOST_CHANGES = 200;

/** Whether somebody is there to tell us what changes. */
export const live = signal(false);

/** What the tables are filtered by. Kept in the address, so that a link leads to what one sees. */
export const query = signal(readQuery());

/** Milliseconds until the page asks again when it was refused. */
const AGAIN = 3_000;

/** Listens for as long as the page is open. A browser calls again by itself when it was cut off, but not when it was refused. */
export function follow(): void {
  const events = new EventSource("/api/events");
  events.onopen = () => {
    live.value = true;
  };
  events.onmessage = (event: MessageEvent<string>) => {
    const next = JSON.parse(event.data) as View;
    const fresh = view.value === null ? [] : changesBetween(view.value, next);
    if (fresh.length > 0) {
      const at = Date.now();
      changes.value = [...fresh.map((text) => ({ at, text })), ...changes.value].slice(0, MOST_CHANGES);
    }
    view.value = next;
  };
  events.onerror = () => {
    live.value = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN);
  };
}

/** Keeps the address and the filter equal, both ways. */
export function keepQuery(): void {
  addEventListener("hashchange", () => {
    query.value = readQuery();
  });
  effect(() => {
    const hash = query.value === "" ? "" : `#q=${encodeURIComponent(query.value)}`;
    if (location.hash !== hash) history.replaceState(null, "", hash === "" ? location.pathname : hash);
  });
}

function readQuery(): string {
  const [, text] = /^#q=(.*)$/.exec(location.hash) ?? [];
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return "";
  }
}
