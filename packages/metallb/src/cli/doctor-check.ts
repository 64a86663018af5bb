/** One thing that was looked at. */
export interface Check {
  readonly verdict: "ok" | "warning" | "failed" | "unknown";
  readonly what: string;
  readonly text: string;
  /** What to do about it; empty: nothing. */
  readonly fix: string;
}

export const check = (verdict: Check["verdict"], what: string, text: string, fix = ""): Check => ({
  verdict,
  what,
  text,
  fix,
});
