import type { Ingress } from "#api";
import type { WatchedService } from "./watched-service.ts";

interface Expectation {
  /** Texts of the status that this process has moved on from. */
  readonly past: ReadonlySet<string>;
  readonly ingress: readonly Ingress[];
  /** Versions that were seen, written on, or made by our writes, since the expectation began. */
  readonly versions: Set<string>;
  /** One of our writes has been confirmed. */
  confirmed: boolean;
}

/**
 * Read-your-writes: until the watch shows what was decided, a Service is seen as if it did. A status
 * that is neither what we left behind nor what we decided was written by somebody else, and counts; so
 * does one that we left behind, in a version that can only have come after our confirmed write.
 */
export class Expectations {
  private readonly byKey = new Map<string, Expectation>();

  has(key: string): boolean {
    return this.byKey.has(key);
  }

  /** The Service as it is to be seen. */
  view(service: WatchedService): WatchedService {
    const expected = this.byKey.get(service.key);
    if (!expected) return service;
    const { past, ingress, versions, confirmed } = expected;
    const shown = text(service.ingress);
    const isOurs = versions.has(service.resourceVersion) || (past.has(shown) && !confirmed);
    if (shown !== text(ingress) && isOurs) return { ...service, ingress };
    this.byKey.delete(service.key);
    return service;
  }

  /** `service` is what the watch shows, `ips` what was decided. */
  expect(service: WatchedService, ips: readonly string[]): void {
    const ingress = ips.map((ip) => ({ ip, hostname: null, ipMode: null }));
    const before = this.byKey.get(service.key);
    const past = new Set([...(before?.past ?? []), text(service.ingress), ...(before ? [text(before.ingress)] : [])]);
    past.delete(text(ingress));
    if (text(service.ingress) === text(ingress) && !before) return;
    if (past.size === 0) {
      this.byKey.delete(service.key);
      return;
    }
    const versions = new Set([...(before?.versions ?? []), service.resourceVersion]);
    this.byKey.set(service.key, { past, ingress, versions, confirmed: before?.confirmed ?? false });
  }

  /** A write of the Service on version `base` made version `made`. */
  wrote(key: string, base: string, made: string): void {
    const expected = this.byKey.get(key);
    if (!expected) return;
    expected.confirmed = true;
    expected.versions.add(base).add(made);
  }

  forget(key: string): void {
    this.byKey.delete(key);
  }
}

const text = (ingress: readonly Ingress[]): string => ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").join();
