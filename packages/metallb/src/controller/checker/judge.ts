import { formatIp, type Instant, parseIp } from "#net";
import { Decider } from "../decider.ts";
import type { WatchedService } from "../watched-service.ts";
import { ipsOf, type ModelApi, mayShare, type Stored } from "./model-api.ts";

/** What stands is right in itself, and a fresh start would leave it as it is. */
export function judgeEnd(api: ModelApi, now: Instant): void {
  const balancers = [...api.objects].filter(([, { spec }]) => spec.type === "LoadBalancer");
  for (const [key, object] of api.objects) {
    const ips = ipsOf(object);
    if (object.spec.type !== "LoadBalancer") {
      if (ips.length > 0) api.violations.push(`${key} is no LoadBalancer and shows ${ips.join()}`);
    } else if (ips.some((ip) => !isOfPool(api, ip))) api.violations.push(`${key} shows ${ips.join()}, of no pool`);
    else if (ips.length === 0 && couldHave(api, object, balancers)) api.violations.push(`${key} waits in vain`);
  }
  judgeFreshStart(api, now);
}

function judgeFreshStart(api: ModelApi, now: Instant): void {
  const store = new Map<string, WatchedService>();
  for (const [key, { service }] of api.latest) if (service) store.set(key, service);
  const acts = new Decider(store).turn([...store.keys()], api.pools, true, now);
  for (const act of acts) if (act.kind === "write") api.violations.push(`a fresh start writes ${act.service.key}`);
}

function isOfPool(api: ModelApi, ip: string): boolean {
  const address = parseIp(ip);
  return address.ok && api.pools.some(({ addresses }) => addresses.has(address.value));
}

/** Whether some address of the pools is free for it, or may be shared. */
function couldHave(api: ModelApi, object: Stored, balancers: readonly (readonly [string, Stored])[]): boolean {
  const { loadBalancerIP } = object.spec;
  const candidates = api.pools.flatMap(({ ranges }) =>
    ranges.flatMap(({ first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, i) => formatIp({ family: 4, value: first + BigInt(i) })),
    ),
  );
  return candidates
    .filter((ip) => loadBalancerIP === undefined || ip === loadBalancerIP)
    .some((ip) =>
      balancers.every(([, other]) => other === object || !ipsOf(other).includes(ip) || mayShare(object, other)),
    );
}
