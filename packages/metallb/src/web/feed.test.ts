import { request } from "node:http";
import { describe, expect, it } from "vitest";
import type { View } from "#view";
import { type Dashboard, startDashboard } from "./dashboard.ts";

const view = async () => ({ name: "feed" }) as unknown as View;

async function withDashboard(test: (dashboard: Dashboard) => Promise<void>): Promise<void> {
  const dashboard = await startDashboard({ port: 0, view });
  try {
    await test(dashboard);
  } finally {
    await dashboard.close();
  }
}

/** The status of one request; the body is not waited for. */
function statusOf(url: string, method: string): Promise<{ readonly status: number; readonly hangUp: () => void }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; hangUp: () => void }>();
  const asked = request(url, { method, agent: false }, (answer) =>
    resolve({ status: answer.statusCode ?? 0, hangUp: () => asked.destroy() }),
  );
  asked.on("error", reject);
  asked.end();
  return promise;
}

describe("the feed", () => {
  it("is not joined by HEAD: a hundred of them leave room for a page", async () => {
    await withDashboard(async ({ url }) => {
      for (let time = 0; time < 100; time++) {
        const { status, hangUp } = await statusOf(`${url}/api/events`, "HEAD");
        expect(status).toBe(200);
        hangUp();
      }
      const { status, hangUp } = await statusOf(`${url}/api/events`, "GET");
      expect(status).toBe(200);
      hangUp();
    });
  });

  it("refuses a page too many with a time to come again, and takes one when another has left", async () => {
    await withDashboard(async ({ url }) => {
      const open = await Promise.all(Array.from({ length: 64 }, () => statusOf(`${url}/api/events`, "GET")));
      expect(new Set(open.map(({ status }) => status))).toEqual(new Set([200]));
      const refused = await statusOf(`${url}/api/events`, "GET");
      expect(refused.status).toBe(503);
      open[0]?.hangUp();
      for (;;) {
        const next = await statusOf(`${url}/api/events`, "GET");
        if (next.status === 200) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
  });

  it("does not let connections that ask nothing keep a page out", async () => {
    await withDashboard(async ({ url }) => {
      const { Socket } = await import("node:net");
      const idle = await Promise.all(
        Array.from({ length: 300 }, () => {
          const { promise, resolve } = Promise.withResolvers<InstanceType<typeof Socket>>();
          const socket = new Socket();
          socket.on("error", () => {});
          socket.connect(Number(new URL(url).port), "127.0.0.1", () => resolve(socket));
          return promise;
        }),
      );
      expect((await statusOf(`${url}/api/state`, "GET")).status).toBe(200);
      for (const socket of idle) socket.destroy();
    });
  });
});
