import { signal } from "@preact/signals";
import type { LabView } from "../view.ts";

/** What the lab said last; null until it said anything. */
export const view = signal<LabView | null>(null);

/** Whether the lab is there to tell us what changes. */
export const live = signal(false);

/** Listens to the lab for as long as the page is open; the browser calls again by itself when it is cut off. */
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
  };
}
