import { effect, signal } from "@preact/signals";
import type { View } from "#view";

/** What was told last; null until anything was. */
export const view = signal<View | null>(null);

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
    view.value = JSON.parse(event.data) as View;
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
