import { afterEach, expect, it } from "vitest";
import { profilerAddress, startProfiler } from "./profiler.ts";
import type { HttpServer } from "./server.ts";

let server: HttpServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function start(): Promise<string> {
  const started = await startProfiler(":0");
  if (!started.ok) throw new Error(started.error);
  server = started.value;
  return `http://127.0.0.1:${server.port}/debug/pprof`;
}

it.each([
  [":6060", "127.0.0.1", 6060],
  ["0.0.0.0:6060", "0.0.0.0", 6060],
  ["localhost:1", "localhost", 1],
  ["[::1]:65535", "::1", 65_535],
])("takes %s as Go does, and without a host this machine's own", (text, host, port) => {
  expect(profilerAddress(text)).toEqual({ ok: true, value: { host, port } });
});

it.each(["6060", "host", "::1:6060", ":65536", ":", "a:b"])("refuses %s by name", (text) => {
  const address = profilerAddress(text);
  expect(address.ok ? "" : address.error).toBe(`--pprof-bind-address: "${text}" is no host:port`);
});

it("says what it has", async () => {
  const url = await start();
  const text = await (await fetch(`${url}/`)).text();
  expect(text).toContain("/debug/pprof/profile?seconds=30");
});

function busyForTheProfile(milliseconds: number): number {
  const until = performance.now() + milliseconds;
  let sum = 0;
  while (performance.now() < until) sum += Math.sqrt(sum + 1);
  return sum;
}

it("tells where the time of the main thread goes", async () => {
  const url = await start();
  const work = setInterval(() => busyForTheProfile(20), 25);
  const answer = await fetch(`${url}/profile?seconds=1`);
  const profile = (await answer.json()) as {
    readonly nodes: readonly { readonly callFrame: { functionName: string } }[];
  };
  clearInterval(work);
  expect(answer.status).toBe(200);
  expect(profile.nodes.map(({ callFrame }) => callFrame.functionName)).toContain("busyForTheProfile");
});

it("tells what allocates, without what is in it", async () => {
  const url = await start();
  const kept: string[] = [];
  const work = setInterval(() => {
    for (let i = 0; i < 2_000; i++) kept.push(`very-secret-${i}-`.repeat(20) + kept.length);
  }, 10);
  const answer = await fetch(`${url}/heap?seconds=1`);
  clearInterval(work);
  const text = await answer.text();
  expect(JSON.parse(text)).toHaveProperty("head.callFrame");
  expect(text).not.toContain("very-secret");
  expect(kept.length).toBeGreaterThan(0);
});

it.each(["0", "121", "x", "-1", "1e2"])("refuses seconds=%s", async (seconds) => {
  const url = await start();
  expect((await fetch(`${url}/profile?seconds=${seconds}`)).status).toBe(400);
});

it("takes one profile at a time, and ends one whose asker is gone", async () => {
  const url = await start();
  const gone = new AbortController();
  const asked = fetch(`${url}/profile?seconds=120`, { signal: gone.signal }).catch(() => null);
  await expect
    .poll(
      async () =>
        (await fetch(`${url}/heap?seconds=120`, { signal: AbortSignal.timeout(500) }).catch(() => null))?.status,
    )
    .toBe(409);
  gone.abort();
  await asked;
  await expect.poll(async () => (await fetch(`${url}/profile?seconds=1`)).status, { timeout: 20_000 }).toBe(200);
});
