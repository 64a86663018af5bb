import { batch, effect, signal } from "@preact/signals";
import { type View, type ViewDifference, withDifference } from "#view";

/** What was told last; null until anything was. */
export const view = signal<View | null>(null);

export interface Change {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** What changed since the command began to be looked at, newest first. */
export const changes = signal<readonly Change[]>([]);

const MOST_CHANGES = 200;

/** Whether somebody is there to tell us what changes. */
export const live = signal(false);

/** What the tables are filtered by. Kept in the address, so that a link leads to what one sees. */
export const query = signal(readHash("q"));

/** The section that a link leads to; empty: the top. */
export const section = signal(readHash("at"));

/** Milliseconds until the page asks again when it was refused. */
const AGAIN = 3_000;

/** Listens for as long as the page is open. A browser calls again by itself when it was cut off, but not when it was refused. */
export function follow(): void {
  const events = new EventSource("/api/events");
  events.onopen = () => {
    live.value = true;
  };
  events.addEventListener("view", ({ data }: MessageEvent<string>) => {
    const told = JSON.parse(data) as { readonly view: View; readonly changes: readonly Change[] };
    batch(() => {
      view.value = told.view;
      changes.value = told.changes;
    });
  });
  events.addEventListener("difference", ({ data }: MessageEvent<string>) => {
    const before = view.value;
    if (before === null) return;
    const told = JSON.parse(data) as { readonly difference: ViewDifference; readonly changes: readonly Change[] };
    batch(() => {
      view.value = withDifference(before, told.difference);
      if (told.changes.length > 0) changes.value = [...told.changes, ...changes.value].slice(0, MOST_CHANGES);
    });
  });
  events.onerror = () => {
    live.value = false;
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN);
  };
}

/** The address of what one sees: `#q=FILTER&at=SECTION`, each where there is one. */
export function hashOf({ query: text, section: at }: { readonly query: string; readonly section: string }): string {
  const parts = [...(text === "" ? [] : [["q", text]]), ...(at === "" ? [] : [["at", at]])];
  return `#${parts.map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&")}`;
}

/** Keeps the address and what is shown equal, both ways. */
export function keepAddress(): void {
  const show = () => document.getElementById(section.value)?.scrollIntoView();
  addEventListener("hashchange", () => {
    const [text, at] = [readHash("q"), readHash("at")];
    batch(() => {
      query.value = text;
      section.value = at;
    });
    show();
  });
  effect(() => {
    const hash = hashOf({ query: query.value, section: section.value });
    if (location.hash !== (hash === "#" ? "" : hash))
      history.replaceState(null, "", hash === "#" ? location.pathname : hash);
  });
  // A link that somebody was sent leads to a section that is drawn once there is something to show.
  const stop = effect(() => {
    if (view.value === null) return;
    requestAnimationFrame(show);
    queueMicrotask(() => stop());
  });
}

function readHash(name: string): string {
  const found = location.hash
    .slice(1)
    .split("&")
    .find((part) => part.startsWith(`${name}=`));
  try {
    return decodeURIComponent(found?.slice(name.length + 1) ?? "");
  } catch {
    return "";
  }
}
