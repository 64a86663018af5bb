/**
 * A part of Stryker: names each mutant that nothing noticed as soon as it is known, so that its test can be written
 * while the others are tried. No type of Stryker is imported: its packages are there only when it runs.
 */
interface Tested {
  readonly status: string;
  readonly fileName: string;
  readonly location: { readonly start: { readonly line: number; readonly column: number } };
  readonly replacement?: string;
}

class Survivors {
  onMutantTested({ status, fileName, location: { start }, replacement = "" }: Tested): void {
    if (status === "Survived" || status === "NoCoverage")
      console.log(`${status} ${fileName.split("/src/").at(-1)}:${start.line}:${start.column} ${replacement}`);
  }
}

export const strykerPlugins = [{ kind: "Reporter", name: "survivors", injectableClass: Survivors }];
