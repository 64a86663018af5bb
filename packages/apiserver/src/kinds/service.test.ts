import { describe, expect, it } from "vitest";
import { ApiError } from "../base/errors.ts";
import { type JsonObject, object, objects, text, texts } from "../base/json.ts";
import { ADMINISTRATOR } from "../base/user.ts";
import { create } from "../change/create.ts";
import { remove } from "../change/delete.ts";
import { patch } from "../change/patch.ts";
import type { Write, WriteRequest } from "../change/request.ts";
import { Cluster } from "../cluster/cluster.ts";
import { Storage } from "../store/storage.ts";

/** Takes a write to its end without asking anybody. */
function done<T>(write: Write<T>): T {
  let at = write.next();
  while (!at.done) at = write.next(at.value.object ?? {});
  return at.value;
}

function setup() {
  const cluster = new Cluster(new Storage(1_000), () => 1_700_000_000_000);
  const resource = cluster.registry.find("", "v1", "services");
  if (!resource) throw new Error("no services");
  const request = (name: string, subresource: "" | "status" = ""): WriteRequest => ({
    resource,
    namespace: "default",
    name,
    subresource,
    manager: "test",
    validation: "Strict",
    dryRun: false,
    force: false,
    user: ADMINISTRATOR,
    warn: () => {},
  });
  const make = (name: string, spec: JsonObject) =>
    done(
      create(cluster, request(name), {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name },
        spec: structuredClone(spec),
      }),
    ).entry.object;
  const change = (name: string, body: JsonObject, subresource: "" | "status" = "") =>
    done(patch(cluster, request(name, subresource), "merge", body)).entry.object;
  const drop = (name: string) => {
    const entry = cluster.storage.collection("services").get(`default/${name}`);
    if (entry) done(remove(cluster, resource, entry, { uid: null, resourceVersion: null, dryRun: false }));
  };
  return { make, change, drop };
}

const balancer: JsonObject = { type: "LoadBalancer", ports: [{ port: 80 }] };

const refusal = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return `${error.code} ${error.message}`;
    throw error;
  }
  return "accepted";
};

describe("a Service", () => {
  it("gets addresses of both families when it prefers two, and loses the second with SingleStack", () => {
    const { make, change } = setup();
    const dual = make("a", { ...balancer, ipFamilyPolicy: "PreferDualStack" });
    expect(texts(dual, "spec", "ipFamilies")).toEqual(["IPv4", "IPv6"]);
    const [first, second] = texts(dual, "spec", "clusterIPs");
    expect(first).toMatch(/^10\.96\./);
    expect(second).toMatch(/^fd00:96::/);
    const single = change("a", { spec: { ipFamilyPolicy: "SingleStack" } });
    expect(texts(single, "spec", "clusterIPs")).toEqual([first]);
    expect(texts(single, "spec", "ipFamilies")).toEqual(["IPv4"]);
  });

  it("keeps what it was given when an update leaves it out", () => {
    const { make, change } = setup();
    const before = make("a", balancer);
    const after = change("a", { spec: { clusterIP: null, clusterIPs: null, ports: [{ port: 80 }] } });
    expect(text(after, "spec", "clusterIP")).toBe(text(before, "spec", "clusterIP"));
    expect(objects(after, "spec", "ports")[0]?.nodePort).toBe(objects(before, "spec", "ports")[0]?.nodePort);
  });

  it("goes to one stack also where the same write leaves the addresses out", () => {
    const { make, change } = setup();
    const [first] = texts(make("a", { ...balancer, ipFamilyPolicy: "RequireDualStack" }), "spec", "clusterIPs");
    const spec = { ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv4"], clusterIPs: null };
    expect(texts(change("a", { spec }), "spec", "clusterIPs")).toEqual([first]);
  });

  it("never shares a cluster IP, and gives it back when it goes", () => {
    const { make, drop } = setup();
    const held = text(make("a", balancer), "spec", "clusterIP");
    expect(refusal(() => make("b", { ...balancer, clusterIP: held }))).toContain("provided IP is already allocated");
    drop("a");
    expect(text(make("b", { ...balancer, clusterIP: held }), "spec", "clusterIP")).toBe(held);
  });

  it("loses its load balancer's status and node ports with its type", () => {
    const { make, change } = setup();
    make("a", { ...balancer, externalTrafficPolicy: "Local" });
    const given = change("a", { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } }, "status");
    expect(objects(given, "status", "loadBalancer", "ingress")).toEqual([{ ip: "192.0.2.1", ipMode: "VIP" }]);
    const plain = change("a", { spec: { type: "ClusterIP" } });
    expect(plain.status).toEqual({ loadBalancer: {} });
    const spec = object(plain, "spec");
    expect([spec.healthCheckNodePort, spec.externalTrafficPolicy, spec.allocateLoadBalancerNodePorts]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(objects(plain, "spec", "ports")[0]?.nodePort).toBeUndefined();
  });

  it("is refused in the words of Kubernetes", () => {
    const { make, change } = setup();
    expect(refusal(() => make("a", { ...balancer, clusterIP: "None" }))).toBe(
      `422 Service "a" is invalid: spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for LoadBalancer services`,
    );
    expect(refusal(() => make("a", { ports: [{ port: 0 }] }))).toContain(
      "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
    );
    make("c", { ...balancer, loadBalancerClass: "x/y" });
    expect(refusal(() => change("c", { spec: { loadBalancerClass: "x/z" } }))).toContain(
      'spec.loadBalancerClass: Invalid value: "x/z": may not change once set',
    );
  });

  it.each<readonly [JsonObject, string]>([
    [{ ip: "::ffff:192.0.2.1" }, 'ip: Invalid value: "::ffff:192.0.2.1": must not be an IPv4-mapped IPv6 address'],
    [{ hostname: "192.0.2.1" }, 'hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'],
  ])("is refused the status %o", (ingress, words) => {
    const { make, change } = setup();
    make("a", balancer);
    const write = () => change("a", { status: { loadBalancer: { ingress: [ingress] } } }, "status");
    expect(refusal(write)).toContain(`status.loadBalancer.ingress[0].${words}`);
    expect(
      refusal(() => change("a", { status: { loadBalancer: { ingress: [{ ip: "2001:DB8::1" }] } } }, "status")),
    ).toBe("accepted");
  });

  it.each([
    ["", "name part must be non-empty"],
    ["/z", "prefix part must be non-empty"],
    ["a b", "name part must consist of"],
    ["X.y/z", "prefix part a lowercase RFC 1123 subdomain"],
  ])("is refused the class %j", (loadBalancerClass, words) => {
    const { make } = setup();
    expect(refusal(() => make("a", { ...balancer, loadBalancerClass }))).toContain(
      `spec.loadBalancerClass: Invalid value: ${JSON.stringify(loadBalancerClass)}: ${words}`,
    );
  });

  it("keeps metadata of a status write and ignores its spec", () => {
    const { make, change } = setup();
    make("a", balancer);
    const after = change("a", { metadata: { annotations: { note: "kept" } }, spec: { type: "ClusterIP" } }, "status");
    expect(text(after, "metadata", "annotations", "note")).toBe("kept");
    expect(text(after, "spec", "type")).toBe("LoadBalancer");
  });
});
