export function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
}

/** Some of them, at random. */
export function pick<T>(items: T[], count: number, random: () => number): readonly T[] {
  if (items.length > count) {
    for (let i = 0; i < count; i += 1) {
      const j = i + Math.floor(random() * (items.length - i));
      [items[i], items[j]] = [items[j] as T, items[i] as T];
    }
  }
  return items.slice(0, count);
}
