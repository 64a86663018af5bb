/** What vitest's JSON reporter writes, as far as it is read here. */
interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Suites and tests that did not run, each with its reason where it gives one. */
  readonly notRun: readonly string[];
}

/** Counts what a run of vitest came to. `exitCode`: of its process; null when it was killed. */
export function countTests(json: string | null, exitCode: number | null): Counts {
  if (json === null) return { passed: 0, failed: 1, notRun: [] };
  const report = JSON.parse(json) as VitestReport;
  // A file that cannot even be loaded has no tests to fail.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  ).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    // An error outside of all tests fails the run alone.
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    notRun: [...new Set(report.testResults.flatMap(({ assertionResults }) => assertionResults.flatMap(whatDidNotRun)))],
  };
}

function whatDidNotRun(test: VitestReport["testResults"][number]["assertionResults"][number]): readonly string[] {
  if (!["skipped", "pending", "todo", "disabled"].includes(test.status)) return [];
  // The whole suite is told once where it is the suite that cannot run.
  return [
    test.ancestorTitles.find((title) => title.includes(NOT_RUN)) ?? [...test.ancestorTitles, test.title].join(" > "),
  ];
}

/** What `describeWith` writes into the name of a suite that lacks a part. */
export const NOT_RUN = "[not run here: ";
