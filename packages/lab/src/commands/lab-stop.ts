import { stillRuns, sweepAbandoned } from "#base";
import { controlsOf } from "#processes";
import { findLab } from "./lab-remote.ts";

/** Milliseconds that a lab gets for each way of asking before the next, harder one. */
const PATIENCE = 15_000;

/** Asks the lab to end and waits until it is gone; asks harder when it does not listen. */
export async function stopLab(name: string | null): Promise<void> {
  const lab = await findLab(name);
  const ways: readonly (() => Promise<void> | void)[] = [
    // One that is still starting, or does not answer, understands a signal.
    () =>
      controlsOf(lab.folder)
        .stop()
        .catch(() => void process.kill(lab.lab.pid, "SIGTERM")),
    () => void process.kill(lab.lab.pid, "SIGTERM"),
    () => void process.kill(lab.lab.pid, "SIGKILL"),
  ];
  for (const [tried, ask] of ways.entries()) {
    if (tried > 0) console.error(`lab ${lab.name} (process ${lab.lab.pid}) does not end: asking harder`);
    await ask();
    const deadline = performance.now() + PATIENCE;
    while (stillRuns(lab.lab) && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
    if (stillRuns(lab.lab)) continue;
    // What a killed one could not remove.
    await sweepAbandoned();
    console.log(`lab ${lab.name} has ended`);
    return;
  }
  throw new Error(`lab ${lab.name} (process ${lab.lab.pid}) does not end`);
}
