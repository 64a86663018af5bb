import type { Resource } from "./resource.ts";

/** Every kind that is served now. Definitions of custom resources come and go. */
export class Registry {
  private readonly byPath = new Map<string, Resource>();
  private readonly changed = new Set<() => void>();
  /** Grows with each change: what is derived from the registry can be kept until then. */
  generation = 0;

  add(resource: Resource): void {
    this.byPath.set(pathOf(resource.group, resource.version, resource.plural), resource);
    this.touch();
  }

  remove(resource: Resource): void {
    this.byPath.delete(pathOf(resource.group, resource.version, resource.plural));
    this.touch();
  }

  find(group: string, version: string, plural: string): Resource | null {
    return this.byPath.get(pathOf(group, version, plural)) ?? null;
  }

  all(): Resource[] {
    return [...this.byPath.values()];
  }

  /** The versions of a group, in the order in which they were added. */
  versions(group: string): string[] {
    return [...new Set(this.all().flatMap((resource) => (resource.group === group ? [resource.version] : [])))];
  }

  groups(): string[] {
    return [...new Set(this.all().map((resource) => resource.group))];
  }

  onChange(listener: () => void): void {
    this.changed.add(listener);
  }

  private touch(): void {
    this.generation += 1;
    for (const listener of this.changed) listener();
  }
}

const pathOf = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`;
