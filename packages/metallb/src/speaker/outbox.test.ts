import { expect, it } from "vitest";
import { Outbox } from "./outbox.ts";
import type { Telling } from "./thread-protocol.ts";

const session = (peer: string, reason: string): Telling => ({
  kind: "report",
  engine: "bgp",
  about: peer,
  report: {
    kind: "session",
    session: {
      peer,
      state: "Idle",
      reason,
      since: 0,
      localAddress: null,
      negotiatedHoldTime: null,
      ttlSecurity: false,
      peerAs: null,
      families: [],
      shortcomings: [],
      announcedPrefixes: 0,
      next: null,
      failures: 0,
    },
  },
});
const line = (message: string): Telling => ({ kind: "log", engine: "bgp", level: "info", subject: "p", message });

function open(): { outbox: Outbox; posted: (readonly Telling[])[] } {
  const posted: (readonly Telling[])[] = [];
  const outbox = new Outbox((message) => {
    if (message.kind === "news") posted.push(message.tellings);
  });
  return { outbox, posted };
}

it("sends the first at once, and the rest as one message when that was heard", () => {
  const { outbox, posted } = open();
  outbox.tell({ kind: "applied", sequence: 1 });
  expect(posted).toEqual([[{ kind: "applied", sequence: 1 }]]);
  outbox.tell({ kind: "applied", sequence: 2 });
  outbox.tell(session("a", "x"));
  expect(posted).toHaveLength(1);
  outbox.heard();
  expect(posted[1]).toEqual([{ kind: "applied", sequence: 2 }, session("a", "x")]);
  outbox.heard();
  expect(posted).toHaveLength(2);
});

it("keeps the latest of each peer and a bounded number of lines while nobody listens", () => {
  const { outbox, posted } = open();
  outbox.tell(line("first"));
  for (let i = 1; i <= 10_000; i++) {
    outbox.tell(session("a", `a${i}`));
    outbox.tell(session("b", `b${i}`));
    outbox.tell({ kind: "applied", sequence: i });
    outbox.tell(line(`line ${i}`));
  }
  outbox.heard();
  const [, news = []] = posted;
  const lines = news.filter(({ kind }) => kind === "log");
  expect(lines[0]).toMatchObject({ level: "warn", message: "9800 earlier log lines were dropped" });
  expect(lines.at(-1)).toEqual(line("line 10000"));
  expect(news.filter(({ kind }) => kind !== "log")).toEqual([
    session("a", "a10000"),
    session("b", "b10000"),
    { kind: "applied", sequence: 10_000 },
  ]);
});
