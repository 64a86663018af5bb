import type { KubeClient, KubeObject } from "metallb/kube";
import { pathOf, RESOURCES } from "metallb/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import type { Program } from "../support/programs.ts";
import { eventually } from "../support/programs.ts";
import { type ApiKind, ControllerBench, ipsOf, NAMESPACE, POOL, pool } from "./bench.ts";
import type { Scene, ServicePatch, Step } from "./contract/scene.ts";
import { SCENES } from "./contract/scenes.ts";

interface EventObject extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly involvedObject?: { readonly name?: string };
  readonly source?: { readonly component?: string };
}

const COUNTERS = ["assignedIPv4", "availableIPv4", "assignedIPv6", "availableIPv6"];

/** The embedded API keeps numbers as JavaScript has them: what does not fit is said as it reads there. */
const roughly = (digits = ""): string => (digits.length < 17 ? digits : "many");

interface Condition {
  readonly type: string;
}

/** The stories of the contract, as a user of MetalLB sees them through the API. */
class Stage {
  private readonly bench: ControllerBench;
  private readonly namespace: string;
  private readonly client: KubeClient;
  private seen = new Map<string, number>();
  private markers = 0;
  private readonly known = new Set<string>();

  constructor(bench: ControllerBench, namespace: string) {
    this.bench = bench;
    this.client = bench.client;
    this.namespace = namespace;
  }

  async open(): Promise<void> {
    for (const name of [this.namespace, `${this.namespace}-other`, `${this.namespace}-marker`])
      await this.client.create(RESOURCES.namespaces, {}, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }

  async close(): Promise<void> {
    for (const name of this.known) await this.client.remove(RESOURCES.services, this.where(name)).catch(() => {});
    for (const resource of [RESOURCES.ipaddresspools, RESOURCES.communities])
      for (const { metadata } of ((await this.client.list(resource, { namespace: NAMESPACE })).items ??
        []) as KubeObject[])
        await this.client.remove(resource, { namespace: NAMESPACE, name: metadata?.name ?? "" });
  }

  private where(key: string) {
    const [name = "", namespace] = key.split("/").reverse();
    return { namespace: namespace === undefined ? this.namespace : `${this.namespace}-${namespace}`, name };
  }

  async act(step: Step): Promise<void> {
    const { client } = this;
    for (const [name, spec] of Object.entries(step.pools ?? {})) await this.putPool(name, spec);
    if (step.namespaceLabels)
      await client.patch(RESOURCES.namespaces, { name: this.namespace }, "merge", {
        metadata: { labels: step.namespaceLabels },
      });
    for (const [name, value] of Object.entries(step.communities ?? {})) {
      const where = { namespace: NAMESPACE, name };
      if (value === null) await client.remove(RESOURCES.communities, where);
      else
        await client.create(
          RESOURCES.communities,
          { namespace: NAMESPACE },
          {
            apiVersion: "metallb.io/v1beta1",
            kind: "Community",
            metadata: where,
            spec: { communities: [{ name, value }] },
          },
        );
    }
    for (const [key, patch] of Object.entries(step.services ?? {})) await this.putService(key, patch);
    for (const [key, ingress] of Object.entries(step.ingress ?? {}))
      await client.patch(RESOURCES.services, { ...this.where(key), subresource: "status" }, "merge", {
        status: { loadBalancer: { ingress } },
      });
  }

  private async putPool(name: string, spec: readonly string[] | object | null): Promise<void> {
    const where = { namespace: NAMESPACE, name };
    if (spec === null) return this.client.remove(RESOURCES.ipaddresspools, where);
    const object = Array.isArray(spec) ? pool(name, spec) : { ...pool(name, []), spec };
    const now = await this.client.get(RESOURCES.ipaddresspools, where).catch(() => null);
    if (now === null) return void (await this.bench.createPool(object));
    // Whatever the controller writes into its status in between.
    const whole = [{ op: "replace", path: "/spec", value: object.spec }];
    await this.client.patch(RESOURCES.ipaddresspools, where, "json", whole);
  }

  private async putService(key: string, patch: ServicePatch | null): Promise<void> {
    const where = this.where(key);
    if (patch === null) return this.client.remove(RESOURCES.services, where);
    const { spec = {}, annotations = {}, labels = {}, finalizers } = patch;
    const metadata = { annotations, labels, ...(finalizers ? { finalizers } : {}) };
    if (this.known.has(key)) {
      await this.client.patch(RESOURCES.services, where, "merge", { metadata, spec });
      return;
    }
    this.known.add(key);
    await this.client.create(
      RESOURCES.services,
      { namespace: where.namespace },
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { ...where, ...metadata } as NonNullable<KubeObject["metadata"]>,
        spec: { type: "LoadBalancer", ports: [{ port: 80 }], ...spec },
      },
    );
  }

  /** What was done before was decided on: a Service that comes now is. */
  private async settle(): Promise<void> {
    const key = `marker/m${++this.markers}`;
    await this.putService(key, {});
    await eventually(
      async () =>
        ((await this.client.get(RESOURCES.services, this.where(key))).status as { conditions?: readonly Condition[] })
          ?.conditions ?? [],
      (conditions) => conditions.some(({ type }) => type === "metallb.io/Allocated"),
      { what: "the marker was not decided on" },
    );
    await this.putService(key, null);
    this.known.delete(key);
  }

  async check(step: Step): Promise<void> {
    const looks = async () => ({
      holds: await this.holdings(Object.keys(step.holds ?? {})),
      events: await this.events(Object.keys(step.events ?? {})),
      counters: await this.counters(Object.keys(step.counters ?? {})),
    });
    const sorted = Object.entries(step.events ?? {}).map(([name, list]) => [name, list.toSorted()]);
    const wanted = { holds: step.holds ?? {}, events: Object.fromEntries(sorted), counters: step.counters ?? {} };
    const reached = (limit: number) =>
      eventually(looks, (now) => JSON.stringify(now) === JSON.stringify(wanted), { what: "never", limit }).catch(
        () => {},
      );
    await reached(6_000);
    await this.settle();
    await reached(500);
    expect(await looks()).toEqual(wanted);
    for (const event of await this.allEvents()) this.seen.set(event.metadata?.name ?? "", event.count ?? 1);
  }

  private async holdings(keys: readonly string[]): Promise<Record<string, string>> {
    const result: Record<string, string> = {};
    for (const key of keys) {
      const service = await this.client.get(RESOURCES.services, this.where(key));
      result[key] = [ipsOf(service).join(), service.metadata?.annotations?.[POOL] ?? ""].join(" ").trim();
    }
    return result;
  }

  private async allEvents(): Promise<readonly EventObject[]> {
    const list = await this.client.list(RESOURCES.events, { namespace: this.namespace });
    return ((list.items ?? []) as EventObject[]).filter(({ source }) => source?.component === "metallb-controller");
  }

  private async events(keys: readonly string[]): Promise<Record<string, readonly string[]>> {
    const all = await this.allEvents();
    const of = (name: string) =>
      all
        .filter(({ involvedObject }) => involvedObject?.name === name)
        .flatMap(({ metadata, type, reason, message = "", count = 1 }) => {
          const times = count - (this.seen.get(metadata?.name ?? "") ?? 0);
          const text = `${type} ${reason} ${message.replaceAll(`${this.namespace}/`, "<ns>/")}`;
          return Array.from({ length: times }, () => text);
        })
        .sort();
    return Object.fromEntries(keys.map((key) => [key, of(key)]));
  }

  private async counters(names: readonly string[]): Promise<Record<string, string>> {
    const result: Record<string, string> = {};
    for (const name of names) {
      const where = pathOf(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name });
      let text = "";
      await this.client.stream(where, {}, (line) => (text += line), new AbortController().signal);
      // An int64 does not fit a number.
      const of = (field: string) => roughly(text.match(new RegExp(`"${field}": ?(-?\\d+)`))?.[1]);
      const [assignedIPv4, availableIPv4, assignedIPv6, availableIPv6] = COUNTERS.map(of);
      result[name] = `${assignedIPv4}/${availableIPv4}, ${assignedIPv6}/${availableIPv6}`;
    }
    return result;
  }
}

function suite(kind: ApiKind): void {
  let bench: ControllerBench;
  let controller: Program;
  let number = 0;

  beforeAll(async () => {
    bench = await ControllerBench.create(kind);
    await bench.client.remove(RESOURCES.ipaddresspools, { namespace: NAMESPACE, name: "first" });
    controller = await bench.start();
  });
  afterAll(() => bench?.close());

  it.each(SCENES)("$name", async ({ steps }: Scene) => {
    const stage = new Stage(bench, `s${++number}`);
    await stage.open();
    try {
      for (const step of steps) {
        if (step.whileDown) await controller.stop("SIGKILL");
        await stage.act(step);
        if (step.whileDown) controller = await bench.start();
        await stage.check(step);
      }
    } finally {
      await stage.close();
    }
  });
}

describe("the contract's stories on the embedded API", () => suite("embedded"));
describeWith(["kubernetes"], "the contract's stories on a real Kubernetes", () => suite("real"));
