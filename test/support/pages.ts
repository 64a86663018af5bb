/** What the tests read of pages in Markdown. */

export interface Link {
  /** Relative to the page; empty: the page itself. */
  readonly path: string;
  /** Empty: none. */
  readonly anchor: string;
}

const withoutCode = (page: string): string => page.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");

/** Links that lead to another place of the repository. */
export const linksOf = (page: string): readonly Link[] =>
  [...withoutCode(page).matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = "", anchor = ""] = target.split("#");
      return { path, anchor };
    });

/** What a heading can be reached by: lower case, without punctuation, hyphens for spaces. */
export const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...page.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
