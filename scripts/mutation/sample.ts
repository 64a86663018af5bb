/**
 * A part of Stryker: lets the mutants of a sample run and leaves out the others, as if they did not compile, which
 * keeps them out of the score. A mutant is known by its place and its replacement, so a seed names the same mutants
 * as long as the room does not change. No type of Stryker is imported: its packages are there only when it runs.
 */
import { createHash } from "node:crypto";

interface Mutant {
  readonly id: string;
  readonly fileName: string;
  readonly location: unknown;
  readonly replacement: string;
}

type Verdict = { readonly status: "passed" } | { readonly status: "compileError"; readonly reason: string };

const rank = ({ fileName, location, replacement }: Mutant): string =>
  createHash("sha256")
    .update(JSON.stringify([process.env.MUTATED_SEED, fileName.split("/packages/").at(-1), location, replacement]))
    .digest("hex");

class Sample {
  static readonly inject = [] as const;
  private chosen: ReadonlySet<string> = new Set();

  async init(): Promise<void> {}

  /** Is given all mutants at once. */
  async group(mutants: readonly Mutant[]): Promise<readonly (readonly string[])[]> {
    const byRank = mutants.map((mutant) => ({ id: mutant.id, rank: rank(mutant) }));
    byRank.sort((a, b) => (a.rank < b.rank ? -1 : 1));
    this.chosen = new Set(byRank.slice(0, Number(process.env.MUTATED_SAMPLE)).map(({ id }) => id));
    return [mutants.map(({ id }) => id)];
  }

  async check(mutants: readonly Mutant[]): Promise<Readonly<Record<string, Verdict>>> {
    return Object.fromEntries(
      mutants.map(({ id }) => [
        id,
        this.chosen.has(id) ? { status: "passed" } : { status: "compileError", reason: "not in the sample" },
      ]),
    );
  }
}

export const strykerPlugins = [{ kind: "Checker", name: "sample", injectableClass: Sample }];
