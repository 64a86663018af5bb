const NUMBERS = { SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

/**
 * Aborts on the first SIGINT, SIGQUIT or SIGTERM; `reason` is the signal's name. A second SIGINT ends
 * the process at once: whoever presses Ctrl-C twice does not want to wait.
 */
export function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    process.on(name, () => {
      if (!controller.signal.aborted) controller.abort(name);
      else if (name === "SIGINT") process.exit(128 + NUMBERS[name]);
    });
  }
  return controller.signal;
}
