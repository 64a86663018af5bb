import { signal } from "@preact/signals";
import type { LabView } from "../view.ts";

/** What the lab said last; null until it said anything. */
export const view = signal<LabView | null>(null);

/** Whether the lab is there to tell us what changes. */
export const live = signal(false);

/** Milliseconds until the page asks again when it was refused. */
const AGAIN = 3_000;

/** Listens for as long as the page is open. A browser calls again by itself when it was cut off, but not when it was refused. */
export function follow(): void {
  const events = new EventSource("/api/events");
  events.onopen = () => {
    live.value = true;
  };
  events.onmessage = (event: MessageEvent<string>) => {
    view.value = JSON.parse(event.data) as LabView;
  };
  events.onerror = () => {
    live.value = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN);
  };
}
