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
      readonly failureMessages: readonly string[];
    }[];
    /** Why the file could not be read, or ended early. */
    readonly message: string;
  }[];
}

/** A test that failed, or a file that could not be loaded. */
export interface Failure {
  readonly file: string;
  readonly name: string;
  /** The first line of what it said. */
  readonly message: string;
}

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Which failed. */
  readonly failures: readonly Failure[];
  /** Suites and tests that did not run, each with its reason where it gives one. */
  readonly notRun: readonly string[];
}

/**
 * Counts what a run of vitest came to. `exitCode`: of its process; null when it was killed. `strayErrors`: those that
 * happened outside of all tests, as `stray-errors.ts` wrote them.
 */
export function countTests(json: string | null, exitCode: number | null, strayErrors: string | null): Counts {
  if (json === null) return { passed: 0, ...alone({ file: "", name: "vitest", message: `ended with ${exitCode}` }) };
  const report = JSON.parse(json) as VitestReport;
  const stray = JSON.parse(strayErrors ?? "[]") as readonly { readonly message: string; readonly where: string }[];
  const failures = [
    ...report.testResults.flatMap(whatFailed),
    ...stray.map(({ message, where }) => ({ file: "", name: "outside of all tests", message: `${message} ${where}` })),
  ];
  if (failures.length === 0 && exitCode !== 0) {
    return {
      passed: report.numPassedTests,
      ...alone({ file: "", name: "vitest", message: `ended with ${exitCode} and named nothing` }),
    };
  }
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    failures,
    notRun: [...new Set(report.testResults.flatMap(({ assertionResults }) => assertionResults.flatMap(whatDidNotRun)))],
  };
}

const alone = (failure: Failure) => ({ failed: 1, failures: [failure], notRun: [] });

function whatFailed({ name, status, message, assertionResults }: VitestReport["testResults"][number]): Failure[] {
  const firstLine = (text: string | undefined) => (text ?? "").trim().split("\n")[0] ?? "";
  const failed = assertionResults.filter((test) => test.status === "failed");
  // A file that cannot even be loaded has no tests to fail.
  if (failed.length === 0) return status === "failed" ? [{ file: name, name: "", message: firstLine(message) }] : [];
  return failed.map((test) => ({
    file: name,
    name: [...test.ancestorTitles, test.title].join(" > "),
    message: firstLine(test.failureMessages[0]),
  }));
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
