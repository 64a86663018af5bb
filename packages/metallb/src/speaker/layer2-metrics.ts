import { Counter, Gauge, type Registry } from "prom-client";
import { isEligible } from "#gossip";
import type { AddressCounters } from "#neighbor";
import type { Layer2 } from "./layer2.ts";

export type Layer2Figures = Pick<Layer2, "announced" | "counters" | "addresses" | "allMembers">;

/** The layer-2 metrics, with upstream's names where it has them. */
export function addLayer2Metrics(registry: Registry, layer2: Layer2Figures): void {
  const counter = (name: string, help: string, value: (counters: AddressCounters) => number) =>
    new Counter({
      name: `metallb_layer2_${name}`,
      help,
      labelNames: ["ip"],
      registers: [registry],
      collect() {
        this.reset();
        for (const [ip, counters] of layer2.counters) this.inc({ ip }, value(counters));
      },
    });
  counter("requests_received", "Number of layer2 requests received for owned IPs", (each) => each.requestsReceived);
  counter(
    "responses_sent",
    "Number of layer2 responses sent for owned IPs in response to requests",
    (each) => each.responsesSent,
  );
  counter(
    "gratuitous_sent",
    "Number of gratuitous layer2 packets sent for owned IPs as a result of failovers",
    (each) => each.gratuitousSent,
  );
  new Gauge({
    name: "metallb_layer2_conflict",
    help: "1 while a host that is no speaker has or claims the IP",
    labelNames: ["ip"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [ip, { foreign }] of layer2.addresses) if (foreign) this.set({ ip }, 1);
    },
  });
  new Gauge({
    name: "metallb_layer2_members",
    help: "Speakers that take part in elections, as this node sees it",
    registers: [registry],
    collect() {
      this.set(layer2.allMembers.filter(({ state }) => isEligible(state)).length);
    },
  });
}
