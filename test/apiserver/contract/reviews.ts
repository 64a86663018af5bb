import { expect, it } from "vitest";
import { MERGE, type Requests } from "./api.ts";

const AUTHENTICATION = "authentication.k8s.io/v1";
const AUTHORIZATION = "authorization.k8s.io/v1";

/** Who somebody is, and what somebody may. */
export function reviews(api: Requests): void {
  const ask = (apiVersion: string, kind: string, spec: object) =>
    api.send("POST", `/apis/${apiVersion}/${kind.toLowerCase()}s`, { apiVersion, kind, spec });
  const may = async (user: string, attributes: object) =>
    (await ask(AUTHORIZATION, "SubjectAccessReview", { user, ...attributes })).body.status;

  it("tell who holds a token", async () => {
    const mine = await ask(AUTHENTICATION, "TokenReview", { token: api.token });
    expect([mine.code, mine.body.status]).toEqual([
      201,
      {
        authenticated: true,
        user: { username: "admin", uid: "admin", groups: ["system:masters", "system:authenticated"] },
        audiences: ["https://kubernetes.default.svc"],
      },
    ]);
    const wrong = await ask(AUTHENTICATION, "TokenReview", { token: "nonsense" });
    expect([wrong.code, wrong.body.status]).toMatchObject([201, { user: {}, error: expect.any(String) }]);
    expect((await ask(AUTHENTICATION, "TokenReview", {})).code).toBe(400);
    const self = await ask(AUTHENTICATION, "SelfSubjectReview", {});
    expect(self.body.status).toMatchObject({ userInfo: { username: "admin" } });
    expect((await api.send("GET", `/apis/${AUTHENTICATION}/tokenreviews`)).code).toBe(405);
    expect((await api.send("GET", "/api/v1/pods", null, { token: "nonsense" })).code).toBe(401);
  });

  it("tell what Roles and their bindings allow", async () => {
    const group = "/apis/rbac.authorization.k8s.io/v1";
    const rbac = (kind: string, name: string, more: object) => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind,
      metadata: { name },
      ...more,
    });
    const rules = [
      { apiGroups: [""], resources: ["services", "services/status"], verbs: ["get", "update"] },
      { nonResourceURLs: ["/metrics", "/debug/*"], verbs: ["get"] },
    ];
    await api.ok("POST", `${group}/clusterroles`, rbac("ClusterRole", "reader", { rules }));
    const named = [{ apiGroups: ["*"], resources: ["configmaps"], resourceNames: ["one"], verbs: ["*"] }];
    await api.ok("POST", `${group}/namespaces/${api.namespace}/roles`, rbac("Role", "named", { rules: named }));
    const to = (kind: string, name: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
    await api.ok(
      "POST",
      `${group}/clusterrolebindings`,
      rbac("ClusterRoleBinding", "reader", { roleRef: to("ClusterRole", "reader"), subjects: [to("User", "ann")] }),
    );
    await api.ok(
      "POST",
      `${group}/namespaces/${api.namespace}/rolebindings`,
      rbac("RoleBinding", "named", {
        roleRef: to("Role", "named"),
        subjects: [{ kind: "ServiceAccount", name: "bob", namespace: api.namespace }],
      }),
    );
    const get = (resource: string, more: object = {}) => ({ resourceAttributes: { verb: "get", resource, ...more } });
    // A real server reads a new binding a moment later.
    while (((await may("ann", get("services"))) as { allowed: boolean }).allowed !== true);
    const bob = `system:serviceaccount:${api.namespace}:bob`;
    const { namespace } = api;
    while (((await may(bob, get("configmaps", { namespace, name: "one" }))) as { allowed: boolean }).allowed !== true);
    const allowed = async (user: string, attributes: object) =>
      ((await may(user, attributes)) as { allowed: boolean }).allowed;
    const asked: readonly (readonly [user: string, attributes: object, allowed: boolean])[] = [
      ["ann", get("services", { subresource: "status", namespace }), true],
      ["ann", get("services", { verb: "delete" }), false],
      ["ann", get("services", { group: "apps" }), false],
      ["ann", { nonResourceAttributes: { verb: "get", path: "/metrics" } }, true],
      ["ann", { nonResourceAttributes: { verb: "get", path: "/debug/heap" } }, true],
      ["ann", { nonResourceAttributes: { verb: "get", path: "/secret" } }, false],
      ["bob", get("services"), false],
      [bob, get("configmaps", { namespace, name: "two" }), false],
      [bob, get("configmaps", { namespace: "default", name: "one" }), false],
      ["carl", { groups: ["system:masters"], ...get("anything") }, true],
    ];
    for (const [user, attributes, is] of asked)
      expect([user, attributes, await allowed(user, attributes)]).toEqual([user, attributes, is]);
    expect((await ask(AUTHORIZATION, "SubjectAccessReview", { user: "ann" })).code).toBe(422);
    expect((await ask(AUTHORIZATION, "SubjectAccessReview", get("pods"))).code).toBe(422);
    const self = await ask(AUTHORIZATION, "SelfSubjectAccessReview", get("pods"));
    expect(self.body.status).toMatchObject({ allowed: true });
  });

  it("are what a request is held to that acts as somebody else", async () => {
    const group = `/apis/rbac.authorization.k8s.io/v1/namespaces/${api.namespace}`;
    const rbac = (kind: string, more: object) => ({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind,
      metadata: { name: "watcher" },
      ...more,
    });
    const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch", "patch"] }];
    await api.ok("POST", `${group}/roles`, rbac("Role", { rules }));
    await api.ok(
      "POST",
      `${group}/rolebindings`,
      rbac("RoleBinding", {
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "watcher" },
        subjects: [{ kind: "ServiceAccount", name: "dora", namespace: api.namespace }],
      }),
    );
    const as = `system:serviceaccount:${api.namespace}:dora`;
    const maps = api.path("configmaps");
    while ((await api.send("GET", maps, null, { as })).code !== 200);
    const made = await api.send("POST", maps, { metadata: { name: "x" } }, { as });
    expect([made.code, made.body.reason, made.body.message]).toEqual([
      403,
      "Forbidden",
      `configmaps is forbidden: User "${as}" cannot create resource "configmaps" in API group "" in the namespace "${api.namespace}"`,
    ]);
    await api.ok("POST", maps, { metadata: { name: "x" } });
    expect((await api.send("PATCH", `${maps}/x`, { data: { a: "1" } }, { ...MERGE, as })).code).toBe(200);
    const deleted = await api.send("DELETE", `${maps}/x`, null, { as });
    expect([deleted.code, deleted.body.message]).toEqual([
      403,
      `configmaps "x" is forbidden: User "${as}" cannot delete resource "configmaps" in API group "" in the namespace "${api.namespace}"`,
    ]);
    const nodes = await api.send("GET", "/api/v1/nodes", null, { as });
    expect([nodes.code, nodes.body.message]).toEqual([
      403,
      `nodes is forbidden: User "${as}" cannot list resource "nodes" in API group "" at the cluster scope`,
    ]);
    const metrics = await api.send("GET", "/metrics", null, { as });
    expect([metrics.code, metrics.body.message]).toEqual([403, `forbidden: User "${as}" cannot get path "/metrics"`]);
    const self = await api.send("POST", `/apis/${AUTHENTICATION}/selfsubjectreviews`, {}, { as });
    expect(self.body.status).toMatchObject({
      userInfo: {
        username: as,
        groups: ["system:serviceaccounts", `system:serviceaccounts:${api.namespace}`, "system:authenticated"],
      },
    });
    expect((await api.send("GET", "/apis", null, { as })).code).toBe(200);
  });

  it("hold a Lease to whoever saw its last version", async () => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`;
    const spec = { holderIdentity: "a", leaseDurationSeconds: 15, renewTime: "2026-01-01T00:00:00.000000Z" };
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "l" }, spec };
    const made = await api.ok("POST", leases, lease);
    expect(made.spec).toEqual(spec);
    await api.ok("PUT", `${leases}/l`, { ...made, spec: { ...spec, holderIdentity: "b" } });
    expect((await api.send("PUT", `${leases}/l`, { ...made, spec: { ...spec, holderIdentity: "c" } })).code).toBe(409);
    const wrong = await api.send("POST", leases, {
      ...lease,
      metadata: { name: "m" },
      spec: { leaseDurationSeconds: 0 },
    });
    expect([wrong.code, wrong.body.message]).toEqual([
      422,
      'Lease.coordination.k8s.io "m" is invalid: spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
    ]);
  });
}
