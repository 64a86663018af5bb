/** An action's answer to its caller; an action that sets nothing is done. */
export interface Outcome {
  exitCode: number;
}
