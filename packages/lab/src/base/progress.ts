/** One line of the start: what is being done, then how it came out. */
export interface Step {
  readonly key: StepKey;
  readonly title: string;
  readonly state: "doing" | "done" | "failed";
  readonly text: string;
}

const STEPS = {
  network: "network",
  kubernetes: "Kubernetes API",
  router: "router",
  controller: "controller",
  speakers: "speakers",
  service: "default/hello",
} as const;
export type StepKey = keyof typeof STEPS;

/** Told of each step as it goes. */
export type Progress = (step: Step) => void;

/** Does one step and tells how it goes; `done` words its outcome. */
export async function takeStep<T>(
  progress: Progress,
  key: StepKey,
  doing: string,
  action: (say: (text: string) => void) => Promise<T>,
  done: (value: T) => string,
): Promise<T> {
  const tell = (state: Step["state"], text: string) => progress({ key, title: STEPS[key], state, text });
  tell("doing", doing);
  try {
    const value = await action((text) => tell("doing", text));
    tell("done", done(value));
    return value;
  } catch (error) {
    tell("failed", error instanceof Error ? error.message : String(error));
    throw error;
  }
}

/** Both, or the first failure once both have come to an end: so nothing starts after the cleaning up. */
export async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
