import type { HostPorts } from "./engine-host.ts";

/** Clock, timer and poll phase of the thread that it is called in. */
export function hostPorts(told: Pick<HostPorts, "tell" | "stopped">): HostPorts {
  let timer: NodeJS.Timeout | null = null;
  return {
    now: () => performance.now(),
    wallClock: () => Date.now(),
    random: Math.random,
    wakeAfter: (milliseconds, wake) => {
      if (timer) clearTimeout(timer);
      timer = milliseconds === null ? null : setTimeout(wake, milliseconds);
    },
    // The first runs in this turn of the loop, the second after all sockets were read.
    afterPoll: (then) => setImmediate(() => setImmediate(then)),
    ...told,
  };
}
