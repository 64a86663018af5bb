import type { LabView } from "metallb/view";
import { type Progress, takeStep } from "#base";
import { waiting } from "./first-service.ts";
import type { RunningProcess } from "./processes.ts";

/** Waits until the Service has an address and one node answers for it. */
export async function firstLayer2Service(
  view: () => Promise<LabView>,
  progress: Progress,
  signal: AbortSignal,
  processes: readonly RunningProcess[],
  expected: boolean,
): Promise<void> {
  const wait = waiting(view, signal, processes);
  const owners = (now: LabView) => now.layer2.filter(({ service }) => service === "default/hello");
  await takeStep(
    progress,
    "speakers",
    "starting",
    () => wait("not every speaker runs", (now) => now.nodes.every(({ speaker }) => speaker.running)),
    (now) => `${now.nodes.length} speakers run`,
  );
  await takeStep(
    progress,
    "service",
    "pending",
    // A user may have deleted it in a cluster that was kept.
    () => (expected ? wait("no node answers for default/hello", (now) => owners(now).length > 0) : view()),
    (now) =>
      expected
        ? owners(now)
            .map(({ address, node }) => `${address}: ${node} answers for it`)
            .join(", ")
        : "deleted earlier",
  );
}
