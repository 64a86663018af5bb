import { paintFor, Screen, visible } from "metallb/terminal";
import { type LabView, problemText } from "metallb/view";
import type { Step, StepKey } from "#base";
import { type Lab, type LabOptions, startLab } from "#processes";
import { drawFrame, nextThings, plainLines, servicesText, sessionsText } from "./frame.ts";

/** How often the lab is looked at, in milliseconds. */
const PERIOD = 1_000;

/** Shows a lab from its start to its end. */
interface Show {
  step(step: Step): void;
  view(view: LabView): void;
  /** Once the lab is ending. */
  end(why: string): void;
  close(): void;
}

/** Starts a lab and shows it until it is told to end. Resolves with the exit code. */
export async function runLab(options: LabOptions): Promise<number> {
  const ending = new AbortController();
  const release = onEndingSignal(() => ending.abort(new Error("interrupted")));
  const show = process.stdout.isTTY ? new LiveShow() : new PlainShow();
  try {
    const lab = await startLab(options, (step) => show.step(step), ending.signal);
    try {
      await follow(lab, show, ending.signal);
    } finally {
      show.end("Ending the lab …");
      await lab.close();
    }
    show.end("The lab has ended; nothing is left of it.");
    return 0;
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    show.end("Interrupted; nothing is left of the lab.");
    return 130;
  } finally {
    show.close();
    release();
  }
}

/** Tells the show what the lab looks like, until somebody wants the end. */
async function follow(lab: Lab, show: Show, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => over.resolve());
  void lab.stopAsked.then(over.resolve);
  let ended = signal.aborted;
  void over.promise.then(() => {
    ended = true;
  });
  while (!ended) {
    show.view(await lab.view());
    await Promise.race([over.promise, new Promise((resolve) => setTimeout(resolve, PERIOD).unref())]);
  }
}

/**
 * Ctrl-C, `kill`, a closed terminal and a closed pipe end the lab in order. Asked again a second
 * later, the process ends at once. (npm passes the terminal's signal on, so the first comes twice.)
 */
function onEndingSignal(end: () => void): () => void {
  let first = 0;
  const handler = () => {
    if (first === 0) {
      first = performance.now();
      end();
    } else if (performance.now() - first > 1_000) process.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, handler);
  process.stdout.on("error", handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}

/** A few lines at a terminal that change in place. */
class LiveShow implements Show {
  private readonly screen = new Screen(process.stdout);
  private readonly paint = paintFor(true, process.env);
  private readonly steps = new Map<StepKey, Step>();
  private readonly resized = () => this.draw();
  private latest: LabView | null = null;
  private farewell = "";

  constructor() {
    process.stdout.on("resize", this.resized);
  }

  step(step: Step): void {
    this.steps.set(step.key, step);
    this.draw();
  }

  view(view: LabView): void {
    this.latest = view;
    this.draw();
  }

  end(why: string): void {
    this.farewell = why;
    this.draw();
  }

  close(): void {
    process.stdout.off("resize", this.resized);
    this.screen.leave();
  }

  private draw(): void {
    const lines = drawFrame({ steps: this.steps, view: this.latest }, this.paint);
    this.screen.draw(this.farewell === "" ? lines : [...lines, "", this.farewell]);
  }
}

/** Without a terminal: a line for each thing that has come out, and for each change later. */
class PlainShow implements Show {
  private readonly started = performance.now();
  private last: readonly string[] | null = null;

  step(step: Step): void {
    if (step.state === "doing" && step.key !== "kubernetes") return;
    this.print(`${step.title}: ${step.text}`);
  }

  view(view: LabView): void {
    const lines = [
      sessionsText(view),
      `default/hello: ${servicesText(view)}`,
      ...view.problems,
      ...view.configuration.map(problemText),
    ];
    const last = this.last;
    if (last === null) {
      for (const line of plainLines(nextThings(view))) console.log(line);
    } else {
      for (const line of lines.filter((each) => !last.includes(each))) this.print(line);
    }
    this.last = lines;
  }

  end(why: string): void {
    console.log(why);
  }

  close(): void {}

  private print(text: string): void {
    const seconds = ((performance.now() - this.started) / 1_000).toFixed(1);
    console.log(`[${seconds.padStart(5)} s] ${visible(text)}`);
  }
}
