import { decodeService, type Service } from "#api";
import type { Config, Pool } from "#config";
import { PoolLookup } from "#config";
import { parseIp, unmap } from "#net";
import { fields, foreignTo, list, readControllerState, text } from "#view";
import { advertisementSteps } from "./explain-announcement.ts";
import { endpointSteps, proxySteps } from "./explain-traffic.ts";
import { type ClusterFacts, classOf, compileFacts, metaOf, objectsOf, ownPods } from "./facts.ts";
import { predictionSteps } from "./predict.ts";
import type { Step, Subject } from "./step.ts";

export type { Step, Subject } from "./step.ts";

export interface Explanation {
  readonly service: string;
  /** In one sentence. */
  readonly summary: string;
  readonly steps: readonly Step[];
}

/** Why a Service has its address and its routes, or has not; null when there is no such Service. */
export function explain(facts: ClusterFacts, key: string): Explanation | null {
  const object = objectsOf(facts, "services").find((each) => metaOf(each).key === key);
  const service = object === undefined ? null : decodeService(object);
  if (service === null) return null;
  const subject: Subject = {
    service,
    facts,
    config: compileFacts(facts).config,
    pods: ownPods(facts.objects.pods ?? []),
  };
  const gate = gateSteps(subject);
  // That no controller runs decides nothing about the rest: it says what will be once one does.
  if (gate.some(({ verdict, rule }) => verdict === "no" && rule !== CONTROLLER)) return conclude(key, service, gate);
  const allocation = [...gate, ...allocationSteps(subject)];
  const pool = poolOf(subject);
  // Without an address nobody announces it; that nobody would answer is known before.
  if (pool === null) return conclude(key, service, [...allocation, ...endpointSteps(subject)]);
  const steps = [
    ...allocation,
    ...endpointSteps(subject),
    ...advertisementSteps(subject, pool),
    ...proxySteps(subject, pool.l2Advertisements.length > 0),
  ];
  return conclude(key, service, steps);
}

function conclude(key: string, service: Service, steps: readonly Step[]): Explanation {
  const refusal = steps.find(({ verdict }) => verdict === "no");
  const addresses = service.ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").join(", ");
  const has = addresses === "" ? "has no address" : `has ${addresses}`;
  const summary = refusal === undefined ? `${key} ${has}; every rule said yes` : `${key} ${has}; ${refusal.text}`;
  return { service: key, summary, steps };
}

const CONTROLLER = "controller";

/** Whether the Service is MetalLB's at all, and whether somebody is there to serve it. */
function gateSteps({ service, pods, facts }: Subject): readonly Step[] {
  const own = (verdict: Step["verdict"], rule: string, field: string, sentence: string): Step => ({
    verdict,
    rule,
    object: `Service ${service.key}`,
    field,
    text: sentence,
  });
  const isBalancer = service.type === "LoadBalancer";
  const steps = [own(isBalancer ? "yes" : "no", "type", "spec.type", `its type is ${service.type}`)];
  if (!isBalancer) return steps;
  const foreign = foreignTo(classOf(pods), service.loadBalancerClass);
  const ours = service.loadBalancerClass === null ? "it has no class, and MetalLB serves those" : "its class is ours";
  steps.push(own(foreign === "" ? "yes" : "no", "load balancer class", "spec.loadBalancerClass", foreign || ours));
  if (service.deleting) steps.push(own("no", "deletion", "metadata.deletionTimestamp", "it is being deleted"));
  const controllers = pods.filter(({ component }) => component === "controller");
  const ready = controllers.filter((pod) => pod.ready);
  steps.push({
    verdict: facts.objects.pods == null ? "unknown" : ready.length > 0 ? "yes" : "no",
    rule: CONTROLLER,
    object: controllers[0] === undefined ? `namespace ${facts.namespace}` : `Pod ${controllers[0].name}`,
    field: "status.conditions[Ready]",
    text:
      facts.objects.pods == null
        ? "Pods could not be read"
        : ready.length > 0
          ? `${ready.length} of ${controllers.length} controller Pods ready`
          : controllers[0] === undefined
            ? "no controller Pod"
            : `the controller is not ready: ${controllers[0].trouble}`,
  });
  return steps;
}

const REQUESTS = ["metallb.io/loadBalancerIPs", "metallb.io/address-pool", "metallb.io/allow-shared-ip"] as const;

function allocationSteps(subject: Subject): readonly Step[] {
  const { service, facts, config } = subject;
  const object = `Service ${service.key}`;
  const steps: Step[] = [];
  const clusterIps = service.clusterIPs.filter((ip) => ip !== "None" && ip !== "");
  steps.push({
    verdict: clusterIps.length > 0 ? "yes" : "no",
    rule: "cluster IP",
    object,
    field: "spec.clusterIPs",
    text:
      clusterIps.length > 0
        ? `${clusterIps.join(", ")} (${service.ipFamilyPolicy ?? "SingleStack"})`
        : "it has no cluster IP",
  });
  for (const name of REQUESTS) {
    const value = service.annotations[name] ?? service.annotations[name.replace("metallb.io/", "metallb.universe.tf/")];
    if (value !== undefined) {
      steps.push({
        verdict: "note",
        rule: "request",
        object,
        field: `metadata.annotations[${name}]`,
        text: `asks for ${value}`,
      });
    }
  }
  if (service.loadBalancerIP !== null) {
    const asks = `asks for ${service.loadBalancerIP}`;
    steps.push({ verdict: "note", rule: "request", object, field: "spec.loadBalancerIP", text: asks });
  }
  if (config.pools.length === 0) {
    const known = facts.objects.ipaddresspools;
    steps.push({
      verdict: known == null ? "unknown" : "no",
      rule: "pools",
      object: `namespace ${facts.namespace}`,
      field: "",
      text: known == null ? "pools could not be read" : "there is no valid IPAddressPool",
    });
    return steps;
  }
  return [...steps, ...outcomeSteps(subject)];
}

/** What the controller decided, in its own words; else what the condition says, or what is to be expected. */
function outcomeSteps(subject: Subject): readonly Step[] {
  const { service, facts, config, pods } = subject;
  const states = pods
    .filter(({ component, name }) => component === "controller" && facts.states.has(name))
    .map(({ name }) => readControllerState(facts.states.get(name)));
  const refusal = states.map(({ refusals }) => refusals.get(service.key)).find((each) => each !== undefined);
  const perPool = (refusal?.pools ?? []).map(
    ({ pool, reason }): Step => ({
      verdict: "no",
      rule: "pool",
      object: `IPAddressPool ${pool}`,
      field: "",
      text: reason,
    }),
  );
  const has = service.ingress.length > 0;
  const object = `Service ${service.key}`;
  if (refusal !== undefined) {
    return [
      { verdict: "no", rule: "allocation", object, field: "status.loadBalancer", text: refusal.message },
      ...perPool,
    ];
  }
  if (!has) {
    const condition = conditionOf(facts, service.key);
    const waiting = condition || "it has no address yet, and the controller gives no reason";
    return [
      { verdict: "no", rule: "allocation", object, field: "status.conditions[metallb.io/Allocated]", text: waiting },
      ...predictionSteps(subject),
    ];
  }
  const pool = poolFor(service, config);
  const addresses = service.ingress.map(({ ip, hostname }) => ip ?? hostname ?? "").join(", ");
  return [
    { verdict: "yes", rule: "allocation", object, field: "status.loadBalancer.ingress", text: addresses },
    pool === null
      ? {
          verdict: "no",
          rule: "pool",
          object,
          field: "status.loadBalancer.ingress",
          text: `no pool holds ${addresses}`,
        }
      : {
          verdict: "yes",
          rule: "pool",
          object: `IPAddressPool ${pool.name}`,
          field: "spec.addresses",
          text: `it holds ${addresses}`,
        },
  ];
}

function conditionOf(facts: ClusterFacts, key: string): string {
  const object = objectsOf(facts, "services").find((each) => metaOf(each).key === key);
  const condition = list(fields(object?.status).conditions)
    .map(fields)
    .find(({ type }) => type === "metallb.io/Allocated");
  return condition?.status === "True" ? "" : text(condition?.message);
}

const poolOf = ({ service, config }: Subject): Pool | null =>
  service.ingress.length === 0 ? null : poolFor(service, config);

function poolFor(service: Service, config: Config): Pool | null {
  const addresses = service.ingress.flatMap(({ ip }) => {
    const parsed = ip === null ? null : parseIp(ip);
    return parsed?.ok ? [unmap(parsed.value)] : [];
  });
  return addresses.length === 0 ? null : (new PoolLookup(config).ofAll(addresses) ?? null);
}
