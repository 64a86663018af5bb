import type { Duration, Timestamp } from "#net";
import type { PathView, SessionView } from "./view.ts";

type Timed = Pick<SessionView, "established" | "timer" | "next" | "holdEndsAt" | "holdTime">;

/** What happens to a session by itself, such as `retries in 6 s`; empty: nothing. `now`: milliseconds since 1970. */
export function timerText({ established, timer, next, holdEndsAt, holdTime }: Timed, now: Timestamp): string {
  if (timer !== "") return timer;
  if (established) {
    // Keepalives come three times in a hold time: that it runs is news only when one is missing.
    const left = holdEndsAt === null ? Number.POSITIVE_INFINITY : holdEndsAt - now;
    return holdTime !== null && left < holdTime * 500 ? `hold time ends within ${secondsText(left)}` : "";
  }
  if (next === null) return "";
  return next.kind === "connect"
    ? `retries in ${secondsText(next.at - now)}`
    : `gives this attempt up in ${secondsText(next.at - now)}`;
}

const secondsText = (left: Duration): string => `${Math.max(1, Math.ceil(left / 1_000))} s`;

/** Such as `up, notices within 150 ms`; empty: BFD is not asked. */
export function bfdText(path: PathView | null): string {
  if (path === null) return "";
  const word = path.state.toLowerCase();
  if (path.detectionTime !== null) return `${word}, notices within ${Math.round(path.detectionTime)} ms`;
  return path.reason === "" ? word : `${word}: ${path.reason}`;
}
