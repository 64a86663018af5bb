import { type JsonObject, text } from "../base/json.ts";
import type { Column, Printer } from "./resource.ts";

/** What the tables of several kinds have in common. */

export const NONE = "<none>";

export const column = (name: string, priority = 0, format = ""): Column => ({
  name,
  type: "string",
  format,
  description: "",
  priority,
});

/** `3d4h` and the like, as kubectl prints the time since. @param now milliseconds */
export function age(timestamp: string, now: number): string {
  const then = Date.parse(timestamp);
  return Number.isNaN(then) ? "<unknown>" : humanDuration(now - then);
}

/** Kubernetes' short form of a duration: two units at most, fewer as it grows. */
function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const pair = (big: number, bigUnit: string, small: number, smallUnit: string) =>
    small === 0 ? `${big}${bigUnit}` : `${big}${bigUnit}${small}${smallUnit}`;
  if (minutes < 10) return pair(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 8) return pair(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 192) return pair(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return days < 2920 ? pair(years, "y", days % 365, "d") : `${years}y`;
}

export const nameOf = (value: JsonObject) => text(value, "metadata", "name");
export const created = (value: JsonObject, now: number) => age(text(value, "metadata", "creationTimestamp"), now);

export function formatLabels(labels: Record<string, string>): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`);
  return pairs.length === 0 ? NONE : pairs.join(",");
}

export const printer = (columns: readonly Column[], cells: Printer["cells"]): Printer => ({ columns, cells });

export const NAME = column("Name", 0, "name");
export const AGE = column("Age");
