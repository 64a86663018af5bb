import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createGuard } from "./guard.ts";

const HOUR = 3_600_000;
const request = (token: string) =>
  ({
    headers: { authorization: `Bearer ${token}` },
    url: "/metrics",
    socket: { remoteAddress: "192.0.2.1" },
  }) as unknown as IncomingMessage;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("remembers an answer for ten seconds, whatever is done to the clock on the wall", async () => {
  let asked = 0;
  let isAllowed = true;
  const guard = createGuard({
    authenticate: async () => {
      asked++;
      return { username: "prometheus", groups: [], uid: "", extra: {} };
    },
    mayGet: async () => isAllowed,
  });
  expect([await guard(request("t")), asked]).toEqual(["allowed", 1]);
  // What is taken away counts after ten seconds also where the clock was put back meanwhile.
  isAllowed = false;
  vi.setSystemTime(Date.now() - 10 * HOUR);
  vi.advanceTimersByTime(9_900);
  expect([await guard(request("t")), asked]).toEqual(["allowed", 1]);
  vi.advanceTimersByTime(200);
  expect([await guard(request("t")), asked]).toEqual(["forbidden", 2]);
  // And where it was put forward the API is not asked sooner.
  vi.setSystemTime(Date.now() + 20 * HOUR);
  expect([await guard(request("t")), asked]).toEqual(["forbidden", 2]);
});
