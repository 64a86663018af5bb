import { ok, type Result } from "#net";
import { type HealthOptions, startHealthServer } from "./health.ts";
import { type MetricsOptions, startMetricsServer } from "./metrics.ts";
import { startProfiler } from "./profiler.ts";
import type { HttpServer } from "./server.ts";

export interface ServeOptions {
  /** Port 0 of either leaves that server out. */
  readonly health: HealthOptions;
  readonly metrics: MetricsOptions;
  /** Where profiles are served; empty: nowhere. */
  readonly profiler: string;
}

/** Starts the servers of a process, all or none. */
export async function serve({ health, metrics, profiler }: ServeOptions): Promise<Result<readonly HttpServer[]>> {
  const servers: HttpServer[] = [];
  for (const start of [
    ...(health.port === 0 ? [] : [() => startHealthServer(health)]),
    ...(metrics.port === 0 ? [] : [() => startMetricsServer(metrics)]),
    ...(profiler === "" ? [] : [() => startProfiler(profiler)]),
  ]) {
    const started = await start();
    if (!started.ok) {
      for (const server of servers) await server.close();
      return started;
    }
    servers.push(started.value);
  }
  return ok(servers);
}
