import { EVENT_REASONS } from "metallb/api";
import { code, head, table } from "./markdown.ts";

/** docs/reference/events.md. */
export function eventsPage(): string {
  const about =
    "Controller and speakers write events about Services: `kubectl describe service NAME`, or `metallb events NAME` for one Service and `metallb events` for all. Reasons have MetalLB's names where it has the event. What repeats is counted and not repeated.";
  const rows = Object.entries(EVENT_REASONS).map(([reason, means]) => [code(reason), means]);
  return `${head("Events", "packages/metallb/src/api/event-reasons.ts", about)}
${table(["reason", "meaning"], rows)}
`;
}
