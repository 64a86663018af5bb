import type { LabView } from "metallb/view";
import { both, type Progress, takeStep, until } from "#base";
import type { RunningProcess } from "./processes.ts";

/** Until the first Service is served, in milliseconds. Ten seconds is the aim; a busy machine is no failure. */
const PATIENCE = 60_000;

/** Waits until each node has its session, and the Service an address and its ways. */
export async function firstService(
  view: () => Promise<LabView>,
  progress: Progress,
  signal: AbortSignal,
  processes: readonly RunningProcess[],
  expected: boolean,
): Promise<void> {
  const wait = waiting(view, signal, processes);
  const served = (now: LabView) => now.services.find((service) => service.key === "default/hello");
  await both(
    takeStep(
      progress,
      "speakers",
      "starting",
      () => wait("not every session is established", (now) => sessionsOf(now).every(({ established }) => established)),
      (now) => `${sessionsOf(now).length} BGP sessions established`,
    ),
    takeStep(
      progress,
      "service",
      "pending",
      async (say) => {
        // A user may have deleted it in a cluster that was kept.
        if (!expected) return await view();
        const address = await wait("default/hello has no address", (now) => served(now)?.addresses.length !== 0);
        say(`${served(address)?.addresses.join(", ") ?? ""}; no way to it yet`);
        return await wait("the router has not one route per node", (now) => {
          const routes = now.routes.filter((route) => route.services.includes("default/hello"));
          return routes.length > 0 && routes.every((route) => route.via.length === now.nodes.length);
        });
      },
      (now) =>
        expected ? `${served(now)?.addresses.join(", ") ?? ""}; one route per node at the router` : "deleted earlier",
    ),
  );
}

/** Waits until the lab looks as it should; the error says which processes ended, and with which words. */
export function waiting(view: () => Promise<LabView>, signal: AbortSignal, processes: readonly RunningProcess[]) {
  const trouble = () => {
    const told = processes.filter((process) => !process.view.running || process.view.restarts > 0);
    return told.map((process) => ` ${process.name} ended (${process.view.lastEnding}): ${lastWords(process)}`).join("");
  };
  return (what: string, good: (now: LabView) => boolean) =>
    until(
      async () => {
        signal.throwIfAborted();
        const now = await view();
        return good(now) ? now : null;
      },
      { limit: PATIENCE, pause: 50, late: () => `${what} after ${PATIENCE / 1_000} seconds.${trouble()}` },
    );
}

/** Those of the lab itself: where a user has made more, nobody waits for them. */
const sessionsOf = (now: LabView) =>
  now.nodes.flatMap(({ sessions }) => sessions.filter(({ router }) => router !== ""));

const lastWords = (process: RunningProcess): string => process.tail().slice(-2).join(" ").slice(-500);
