import { createGuard, type HttpServer, reviews, serve, type WebhookFigures } from "#http";
import type { LeaseElection } from "#kube";
import type { Result } from "#net";
import type { ControllerReport } from "#report";
import type { WatchedWorld } from "#world";
import type { Allocation } from "./allocation.ts";
import type { IpamSource } from "./ipam/metrics.ts";
import { createMetrics } from "./metrics.ts";
import type { Parts } from "./parts.ts";
import { POOLS_PARALLEL, type PoolStatusWriter } from "./pool-status.ts";
import { SERVICES_PARALLEL, type ServiceWriter } from "./service-writer.ts";

/** What the servers tell of. */
export interface Told extends Parts {
  readonly allocation: Allocation;
  readonly world: WatchedWorld;
  readonly writer: ServiceWriter;
  readonly poolStatus: PoolStatusWriter;
  readonly election: LeaseElection;
  readonly webhookFigures: WebhookFigures;
  readonly outside: IpamSource | null;
  /** The Lease's name. */
  readonly lease: string;
  readonly ready: () => boolean;
  readonly state: () => ControllerReport;
}

/** Opens the servers for health, `/state` and metrics. */
export function listen(told: Told): Promise<Result<readonly HttpServer[]>> {
  const { flags, client, log, tls, allocation, world, writer, poolStatus, election, outside } = told;
  const whyIpam = () => (outside?.ipam.trouble ? [`the IPAM does not answer: ${outside.ipam.trouble}`] : []);
  return serve({
    profiler: flags["pprof-bind-address"],
    health: {
      host: "",
      port: flags["health-probe-port"],
      ready: told.ready,
      why: () => [...world.troubles, ...(election.trouble === null ? [] : [election.trouble]), ...whyIpam()],
      routes: { "/state": told.state },
    },
    metrics: {
      host: "",
      port: flags.port,
      certFolder: flags["metrics-cert-dir"],
      tls,
      registry: createMetrics({
        allocation,
        updates: {
          updates: () => allocation.handled,
          errors: () => allocation.refused + writer.counters.errors,
          isLoaded: () => world.config !== null,
          isStale: () => world.problems.length > 0,
        },
        writers: { service: writer.queue, ipaddresspool: poolStatus.queue },
        parallel: { service: SERVICES_PARALLEL, ipaddresspool: POOLS_PARALLEL },
        answers: told.answers,
        server: client.server,
        lease: told.lease,
        isLeader: () => election.isLeader(),
        webhooks: told.webhookFigures,
        ipam: outside,
      }),
      guard: createGuard(reviews(client)),
      log,
    },
  });
}
