import { Allocator, type Outcome } from "#allocator";
import { decodeService } from "#api";
import { formatIp } from "#net";
import { classOf, objectsOf } from "./facts.ts";
import type { Step, Subject } from "./step.ts";

/**
 * What a controller would decide of a Service that has no address and of which nobody has told yet: the same
 * code on the same objects. For the time before the controller looks, or where it cannot be asked.
 */
export function predictionSteps(subject: Subject): readonly Step[] {
  const outcome = predict(subject);
  const object = `Service ${subject.service.key}`;
  switch (outcome?.kind) {
    case "allocated": {
      const addresses = outcome.ips.map(formatIp).join(", ");
      const text = `${addresses} of pool ${outcome.pool} is free for it: the controller has still to give it`;
      return [{ verdict: "note", rule: "prediction", object: `IPAddressPool ${outcome.pool}`, field: "", text }];
    }
    case "refused": {
      const { message, pools } = outcome.refusal;
      return [
        { verdict: "no", rule: "prediction", object, field: "", text: message },
        ...pools.map(
          (each): Step => ({
            verdict: "no",
            rule: "pool",
            object: `IPAddressPool ${each.pool}`,
            field: "",
            text: each.message,
          }),
        ),
      ];
    }
    default:
      return [];
  }
}

function predict({ service, facts, config, pods }: Subject): Outcome | null {
  const services = new Map(
    objectsOf(facts, "services")
      .flatMap((object) => decodeService(object) ?? [])
      .map((each) => [each.key, each]),
  );
  const allocator = new Allocator(classOf(pods) ?? "");
  allocator.decide({ services, pools: config.pools }, { services: services.keys(), pools: true });
  return allocator.outcomes.get(service.key) ?? null;
}
