import { type Line, Screen } from "./screen.ts";

/**
 * Shows what `look` tells, again and again until it is aborted: in place at a terminal, else a block for each change.
 * What fails once is shown in its place; the watching goes on.
 */
export async function follow(
  look: () => Promise<readonly Line[]>,
  period: number,
  signal: AbortSignal,
  output: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  const screen = output.isTTY ? new Screen(output) : null;
  let shown: readonly Line[] = [];
  let last = "";
  const resized = () => screen?.draw(shown);
  output.on("resize", resized);
  const over = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  try {
    while (!signal.aborted) {
      shown = await look().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
      if (signal.aborted) break;
      const text = shown.map((line) => (typeof line === "string" ? line : line.copy)).join("\n");
      if (screen !== null) screen.draw(shown);
      else if (text !== last) output.write(`${last === "" ? "" : "\n"}${text}\n`);
      last = text;
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([
        over.promise,
        new Promise((resolve) => {
          timer = setTimeout(resolve, period);
        }),
      ]);
      clearTimeout(timer);
    }
  } finally {
    output.off("resize", resized);
    screen?.leave();
  }
}
