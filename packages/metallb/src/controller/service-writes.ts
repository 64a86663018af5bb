import type { Intention as KeyedIntention, Stage } from "#kube";
import { formatIp } from "#net";
import { Givers } from "./givers.ts";
import { type Intention, resourceVersionOf, withIntention } from "./intention.ts";
import type { Json } from "./ports.ts";
import type { WatchedService } from "./watched-service.ts";

/** What was decided for a Service, and the Service as the watch showed it then. */
export interface ServiceWrite {
  readonly service: WatchedService;
  readonly intention: Intention;
}

export interface Wanted {
  readonly intention: Intention;
  /** The addresses that the Service shows then. */
  readonly ips: readonly string[];
  /** resourceVersion of the Service that the decision was made on. */
  readonly decidedOn: string;
}

export type AfterRead =
  /** `base` is the version that the write is made on. */
  | { readonly kind: "put"; readonly object: Json; readonly base: string }
  /** The object says so already, or is gone. */
  | { readonly kind: "done" }
  /** Somebody changed it: the watch brings a newer decision. */
  | { readonly kind: "stale" };

/** The addresses are given up; the condition is told with what follows. */
const NOTHING = { intention: { desired: { ips: [], pool: null } }, ips: [] } as const;

/**
 * The rules of writing Services, pure: a Service that changed since the decision is not written, and an
 * address is written into one only after the write that takes it out of another has been confirmed.
 */
export class ServiceWrites {
  private readonly givers = new Givers();
  /** What our last write made of the Service: seen in a read, it is no foreign change. */
  private readonly own = new Map<string, { readonly version: string; readonly ips: readonly string[] }>();

  /** Intentions for what was decided together. */
  intentions(writes: readonly ServiceWrite[]): readonly KeyedIntention<Wanted>[] {
    const wanted = writes.map(({ service, intention }) => ({ service, intention, ips: ipsAfter(service, intention) }));
    for (const { service, ips } of wanted)
      this.givers.intend(service.key, [...shownBy(service), ...(this.own.get(service.key)?.ips ?? [])], ips);
    return wanted.map(({ service, intention, ips }) => ({
      key: service.key,
      value: { intention, ips, decidedOn: service.resourceVersion },
      after: this.givers.of(ips.filter((ip) => !shownBy(service).includes(ip))),
      release: { ...NOTHING, decidedOn: service.resourceVersion },
    }));
  }

  /** Whether a write that is not confirmed may leave the address in a Service that is not to have it. */
  mayShow(address: string): boolean {
    return this.givers.mayShow(address);
  }

  /** The Service says what was decided, or nothing was. */
  settle(key: string): void {
    this.givers.settle(key);
  }

  /** The Service is gone. */
  forget(key: string): void {
    this.own.delete(key);
    this.settle(key);
  }

  /** What to do with the object as it is now. `date` in RFC 3339. */
  afterRead(key: string, wanted: Wanted, stage: Stage, object: Json | null, date: string): AfterRead {
    const { intention, decidedOn } = wanted;
    if (!object) return this.confirmed(key, wanted, stage);
    const base = resourceVersionOf(object);
    if (base !== decidedOn && base !== this.own.get(key)?.version) return { kind: "stale" };
    const next = withIntention(object, intention, date);
    return next ? { kind: "put", object: next, base } : this.confirmed(key, wanted, stage);
  }

  /** The API has made `made` of the Service. */
  afterWrite(key: string, wanted: Wanted, stage: Stage, made: string): void {
    this.own.set(key, { version: made, ips: wanted.ips });
    this.confirmed(key, wanted, stage);
  }

  private confirmed(key: string, { ips }: Wanted, stage: Stage): { readonly kind: "done" } {
    if (stage === "release") this.givers.released(key);
    else this.givers.confirmed(key, ips);
    return { kind: "done" };
  }
}

const shownBy = ({ ingress }: WatchedService): readonly string[] =>
  ingress.flatMap(({ ip }) => (ip === null ? [] : [ip]));

const ipsAfter = (service: WatchedService, { desired }: Intention): readonly string[] =>
  desired === null ? shownBy(service) : desired.ips.map(formatIp);
