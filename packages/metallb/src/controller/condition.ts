import type { Outcome, Refusal } from "#allocator";
import { formatIp } from "#net";
import type { ConditionText } from "./watched-service.ts";

/** Longest message of a condition: some ten pools are named, the rest is counted. */
const MAX_MESSAGE = 1_500;

/** What the Service's condition `metallb.io/Allocated` says of an outcome; null: the Service bears none. */
export function conditionOf(outcome: Outcome): ConditionText | null {
  switch (outcome.kind) {
    case "allocated": {
      if (outcome.lacking !== null)
        return { status: "True", reason: outcome.lacking.code, message: sentenceOf(outcome.lacking) };
      const message = `${outcome.ips.map(formatIp).join(", ")} from pool ${outcome.pool}`;
      return { status: "True", reason: "Allocated", message };
    }
    case "refused":
    case "pending":
      return { status: "False", reason: outcome.refusal.code, message: sentenceOf(outcome.refusal) };
    case "released":
      return null;
  }
}

/** The refusal and every pool that was looked at, as many as fit. */
function sentenceOf({ message, pools }: Refusal): string {
  let text = bounded(message);
  for (const [i, { pool, message: why }] of pools.entries()) {
    const part = `; pool ${pool}: ${why}`;
    if (text.length + part.length > MAX_MESSAGE) return `${text}; and ${pools.length - i} more pools`;
    text += part;
  }
  return text;
}

const bounded = (text: string): string => (text.length > MAX_MESSAGE / 2 ? `${text.slice(0, MAX_MESSAGE / 2)}…` : text);
