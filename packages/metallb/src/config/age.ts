interface Aged {
  readonly name: string;
  /** RFC 3339 in UTC, as the API server writes it; empty for an object that is not stored yet. */
  readonly created: string;
}

/** Who counts where two objects conflict: the older one, then the first by name. One that is not stored yet is the youngest. */
export function byAge(a: Aged, b: Aged): number {
  if (a.created !== b.created) {
    if (a.created === "" || b.created === "") return a.created === "" ? 1 : -1;
    return a.created < b.created ? -1 : 1;
  }
  return byName(a, b);
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0;

export const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a === b || (a.length === b.length && a.every((item, i) => item === b[i]));
