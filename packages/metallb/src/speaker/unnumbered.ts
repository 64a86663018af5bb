import { type Ip, ipEquals } from "#net";
import type { BgpSockets, RouterDiscovery } from "#sys";

/** The routers behind the interfaces of unnumbered peers, as far as they were heard. */
export class Unnumbered {
  private readonly discover: BgpSockets["discover"];
  private readonly trouble: (name: string, message: string) => void;
  private readonly moved: () => void;
  private readonly watched = new Map<
    string,
    { router: Ip | null; discovery: RouterDiscovery | null; closed: boolean }
  >();
  /** Who waits for the router of an interface. */
  private readonly waiting = new Map<string, Map<number, (router: Ip) => void>>();

  /** `moved` is told whenever another router is heard. */
  constructor(discover: BgpSockets["discover"], trouble: (name: string, message: string) => void, moved: () => void) {
    this.discover = discover;
    this.trouble = trouble;
    this.moved = moved;
  }

  routerOf(name: string): Ip | null {
    return this.watched.get(name)?.router ?? null;
  }

  /** Watches these interfaces and no others. */
  watch(names: ReadonlySet<string>): void {
    for (const [name, watch] of this.watched) {
      if (names.has(name)) continue;
      watch.closed = true;
      watch.discovery?.close();
      this.watched.delete(name);
    }
    for (const name of names) if (!this.watched.has(name)) void this.open(name);
  }

  /** Calls back with the router, at once or when it is heard; a wish is named by its number. */
  whenFound(name: string, wish: number, then: (router: Ip) => void): void {
    const watch = this.watched.get(name);
    if (watch?.router) return then(watch.router);
    const wishes = this.waiting.get(name) ?? new Map<number, (router: Ip) => void>();
    this.waiting.set(name, wishes.set(wish, then));
    // Where the interface was not there before, it may be now.
    if (watch && !watch.discovery) {
      this.watched.delete(name);
      void this.open(name);
    }
  }

  giveUp(wish: number): void {
    for (const wishes of this.waiting.values()) wishes.delete(wish);
  }

  private async open(name: string): Promise<void> {
    const watch: { router: Ip | null; discovery: RouterDiscovery | null; closed: boolean } = {
      router: null,
      discovery: null,
      closed: false,
    };
    this.watched.set(name, watch);
    try {
      const discovery = await this.discover(name, (router) => this.found(name, watch, router));
      if (watch.closed) discovery.close();
      else watch.discovery = discovery;
    } catch (error) {
      this.trouble(name, `cannot look for the router on ${name}: ${(error as Error).message}`);
    }
  }

  private found(name: string, watch: { router: Ip | null }, router: Ip): void {
    if (watch.router && ipEquals(watch.router, router)) return;
    watch.router = router;
    const wishes = this.waiting.get(name);
    this.waiting.delete(name);
    for (const then of wishes?.values() ?? []) then(router);
    this.moved();
  }
}
