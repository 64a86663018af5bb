import { readFileSync } from "node:fs";

/** What was built, as the start line tells it. */
export interface Build {
  readonly version: string;
  readonly commit: string;
  readonly branch: string;
}

/** Put in by the bundle; absent where the sources run as they are. */
declare const METALLB_BUILD: Partial<Build> | undefined;

/** Of the sources: the version of the package, and no commit. */
export const BUILD: Build = {
  version: packageVersion(),
  commit: "unknown",
  branch: "unknown",
  ...(typeof METALLB_BUILD === "undefined" ? {} : METALLB_BUILD),
};

function packageVersion(): string {
  try {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    return (JSON.parse(text) as { version?: string }).version ?? "dev";
  } catch {
    return "dev";
  }
}
