import { expect, it } from "vitest";
import { stdoutSink } from "./sink.ts";

const failure = (code: string): Error => Object.assign(new Error(code), { code });

it("writes the whole of a line, however little is taken at once", () => {
  let text = "";
  const sink = stdoutSink((_, octets) => {
    text += octets.subarray(0, 3).toString();
    return Math.min(3, octets.length);
  });
  sink("hello world\n");
  expect(text).toBe("hello world\n");
});

it.each(["ENOSPC", "EPIPE", "EIO"])("loses lines on %s, goes on, and tells how many", (code) => {
  let full = true;
  const lines: string[] = [];
  const sink = stdoutSink((_, octets) => {
    if (full) throw failure(code);
    lines.push(octets.toString());
    return octets.length;
  });
  sink("a\n");
  sink("b\n");
  full = false;
  sink("c\n");
  expect(lines.map((line) => (line.startsWith("{") ? (JSON.parse(line) as { lines: number }).lines : line))).toEqual([
    2,
    "c\n",
  ]);
});

it("waits for a full pipe for a moment, once, and not at each line", () => {
  let [time, tries] = [0, 0];
  const sink = stdoutSink(
    () => {
      tries++;
      throw failure("EAGAIN");
    },
    () => (time += 20),
  );
  sink("a\n");
  const first = tries;
  sink("b\n");
  expect([first > 2, tries - first]).toEqual([true, 2]);
});
