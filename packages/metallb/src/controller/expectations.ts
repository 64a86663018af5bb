import type { Ingress, Service } from "#api";

interface Expectation {
  /** Texts of the status that this process has moved on from. */
  readonly past: ReadonlySet<string>;
  readonly ingress: readonly Ingress[];
}

/**
 * Read-your-writes: until the watch shows what was decided, a Service is seen as if it did. A status
 * that is neither what we left behind nor what we decided was written by somebody else, and counts.
 */
export class Expectations {
  readonly #byKey = new Map<string, Expectation>();

  /** The Service as it is to be seen. */
  view(service: Service): Service {
    const expected = this.#byKey.get(service.key);
    if (!expected) return service;
    if (expected.past.has(text(service.ingress))) return { ...service, ingress: expected.ingress };
    this.#byKey.delete(service.key);
    return service;
  }

  /** `service` is what the watch shows, `ips` what was decided. */
  expect(service: Service, ips: readonly string[]): void {
    const ingress = ips.map((ip) => ({ ip, hostname: null, ipMode: null }));
    const before = this.#byKey.get(service.key);
    const past = new Set([...(before?.past ?? []), text(service.ingress), ...(before ? [text(before.ingress)] : [])]);
    past.delete(text(ingress));
    if (text(service.ingress) === text(ingress) && !before) return;
    if (past.size === 0) this.#byKey.delete(service.key);
    else this.#byKey.set(service.key, { past, ingress });
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}

const text = (ingress: readonly Ingress[]): string => ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").join();
