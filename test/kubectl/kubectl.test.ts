import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../support/parts.ts";
import { masked, startEmbedded, startReal, type Target } from "./side-by-side.ts";

const programs = process.env.METALLB_TEST_KUBERNETES;

let embedded: Target;
let real: Target | null = null;

/** Runs the lines on the embedded API and, where there is one, on the real one: both have to print the same. */
async function both(lines: readonly string[]): Promise<string[]> {
  const outputs: string[] = [];
  for (const line of lines) {
    const [ours, theirs] = await Promise.all([embedded.run(line), real?.run(line)]);
    if (theirs !== undefined) expect(masked(ours), line).toBe(masked(theirs));
    outputs.push(masked(ours));
  }
  return outputs;
}

const service = (name: string, spec: string) =>
  `printf '%s' '{"apiVersion":"v1","kind":"Service","metadata":{"name":"${name}","namespace":"lines"},"spec":${spec}}'`;

const peer = (name: string, spec: string) =>
  `printf '%s' '{"apiVersion":"example.metallb.io/v1","kind":"Peer","metadata":{"name":"${name}","namespace":"lines"},"spec":${spec}}'`;

const DEFINITION = JSON.stringify({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "peers.example.metallb.io" },
  spec: {
    group: "example.metallb.io",
    scope: "Namespaced",
    names: { plural: "peers", singular: "peer", kind: "Peer", listKind: "PeerList" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "ASN", type: "integer", jsonPath: ".spec.asn" },
          { name: "Names", type: "string", jsonPath: ".spec.names" },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                required: ["asn"],
                properties: {
                  asn: { type: "integer", minimum: 1, maximum: 4_294_967_295, format: "int64" },
                  port: { type: "integer", default: 179 },
                  names: { type: "array", items: { type: "string" } },
                  mode: { type: "string", enum: ["internal", "external"] },
                  fixed: {
                    type: "boolean",
                    "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "fixed cannot be changed" }],
                  },
                  wait: {
                    type: "string",
                    "x-kubernetes-validations": [
                      { rule: "duration(self).getSeconds() >= 1", message: "wait must be a second or more" },
                    ],
                  },
                },
              },
              status: { type: "object", properties: { node: { type: "string" } } },
            },
          },
        },
      },
    ],
  },
});

describeWith(["kubectl"], `kubectl on the embedded API${programs ? ", beside a real one" : ""}`, () => {
  beforeAll(async () => {
    [embedded, real] = await Promise.all([startEmbedded(), programs ? startReal(programs) : null]);
    await both(["kubectl create namespace lines"]);
  });

  afterAll(async () => {
    await Promise.all([embedded?.close(), real?.close()]);
  });

  it("creates, shows, describes and deletes a Service", async () => {
    const outputs = await both([
      "kubectl create service loadbalancer first --tcp=80:8080 -n lines",
      "kubectl get service first -n lines",
      "kubectl get service first -n lines -o wide",
      "kubectl get service first -n lines -o yaml",
      `kubectl patch service first -n lines --subresource=status --type=merge -p '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}'`,
      "kubectl get service first -n lines",
      // The real server sometimes adds an event of its own.
      "kubectl describe service first -n lines --show-events=false",
      "kubectl delete service first -n lines",
      "kubectl get service first -n lines",
    ]);
    expect(outputs[1]).toContain("first LoadBalancer CLUSTER-IP <pending> 80:NODE-PORT/TCP AGE");
    expect(outputs[5]).toContain("192.0.2.1");
    expect(outputs[6]).toContain("LoadBalancer Ingress: 192.0.2.1 (VIP)");
    expect(outputs[8]).toBe('Error from server (NotFound): services "first" not found\n');
  });

  it("creates the other kinds with its typed commands", async () => {
    const outputs = await both([
      "kubectl create configmap map --from-literal=a=b -n lines",
      "kubectl create secret generic hidden --from-literal=password=x -n lines",
      "kubectl create namespace other",
      "kubectl get configmap/map secret/hidden -n lines",
      "kubectl get secret hidden -n lines -o yaml",
      "kubectl create namespace other",
      "kubectl delete namespace other",
      "kubectl create serviceaccount robot -n lines",
      "kubectl create role reader --verb=get,list --resource=pods,services -n lines",
      "kubectl create clusterrole viewer --verb=get --non-resource-url=/metrics",
      "kubectl create rolebinding reads --role=reader --serviceaccount=lines:robot -n lines",
      "kubectl create clusterrolebinding views --clusterrole=viewer --group=watchers",
      "kubectl get serviceaccount robot -n lines",
      "kubectl get rolebinding/reads -n lines -o wide",
      "kubectl get clusterrolebinding views -o wide",
      "kubectl get role reader -n lines -o yaml",
      "kubectl get clusterrole viewer -o jsonpath='{.rules}'",
      "kubectl get validatingwebhookconfigurations",
      "kubectl auth can-i get pods --as=system:serviceaccount:lines:robot -n lines",
      "kubectl auth can-i delete pods --as=system:serviceaccount:lines:robot -n lines",
      "kubectl get nodes --as=somebody",
      "kubectl auth whoami",
    ]);
    expect(outputs[3]).toContain("secret/hidden Opaque 1 AGE");
  });

  it("applies on the client's side, patches in every way and edits", async () => {
    const apply = "kubectl apply -f -";
    const outputs = await both([
      `${service("web", '{"type":"LoadBalancer","ipFamilyPolicy":"PreferDualStack","selector":{"app":"web"},"ports":[{"name":"http","port":80},{"name":"dns","port":53,"protocol":"UDP"}]}')} | ${apply}`,
      `${service("web", '{"type":"LoadBalancer","ipFamilyPolicy":"PreferDualStack","selector":{"app":"web"},"ports":[{"name":"http","port":81}]}')} | ${apply}`,
      "kubectl get service web -n lines -o yaml",
      `kubectl patch service web -n lines -p '{"spec":{"ports":[{"port":82,"name":"alt"}]}}'`,
      `kubectl patch service web -n lines --type=json -p '[{"op":"replace","path":"/spec/ports/0/port","value":83}]'`,
      `kubectl patch service web -n lines --type=json -p '[{"op":"test","path":"/spec/ports/0/port","value":1}]'`,
      `kubectl patch service web -n lines --type=merge -p '{"spec":{"ipFamilyPolicy":"SingleStack"}}'`,
      "EDITOR='sed -i s/port:\\ 83/port:\\ 84/' kubectl edit service web -n lines",
      "kubectl get service web -n lines -o yaml",
      "kubectl label service web -n lines tier=front",
      "kubectl annotate service web -n lines note=x",
      "kubectl get services -n lines -l 'tier in (front,back),!gone' -o name",
      "kubectl get services -n lines --field-selector spec.type=LoadBalancer -o name",
      "kubectl get services -n lines --field-selector nothing=x",
      `kubectl patch service web -n lines -p '{"spec":{"type":"ClusterIP"}}'`,
      "kubectl get service web -n lines -o yaml",
    ]);
    expect(outputs[8]).toContain("port: 84");
    expect(outputs[15]).toContain("type: ClusterIP");
  });

  it("refuses in the same words", async () => {
    const create = "kubectl create -f -";
    const outputs = await both([
      `${service("bad", '{"type":"LoadBalancer","clusterIP":"None","ports":[{"port":80}]}')} | ${create}`,
      `${service("Bad_Name", '{"ports":[{"port":0},{"port":70000,"protocol":"FOO"}]}')} | ${create}`,
      `${service("bad", '{"unknown":1,"ports":[{"port":80}]}')} | ${create}`,
      `${service("bad", '{"ports":[{"port":"abc"}]}')} | ${create}`,
      `${service("bad", '{"clusterIP":"1.2.3.4","ports":[{"port":80}]}')} | ${create}`,
      `${service("bad", '{"type":"NodePort","ports":[{"port":80,"nodePort":80}]}')} | ${create}`,
      "kubectl get nothing",
      "kubectl create configmap x -n nowhere",
      // Kinds that OpenAPI v3 does not know: one without a CRD, and the client's own List.
      `printf '{"apiVersion":"no.crd/v1","kind":"Missing","metadata":{"name":"a"}}' | kubectl apply -f -`,
      `printf '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"listed"}}]}' | kubectl apply -f -`,
    ]);
    expect(outputs[0]).toContain("may not be set to 'None' for LoadBalancer services");
    expect(outputs.at(-2)).toContain("ensure CRDs are installed first");
    expect(outputs.at(-1)).toContain("configmap/listed created");
  });

  it("applies on the server's side, with conflicts and owners", async () => {
    const apply = "kubectl apply --server-side -f -";
    const outputs = await both([
      `${service("owned", '{"ports":[{"port":80,"name":"a"}],"selector":{"a":"b"}}')} | ${apply}`,
      `${service("owned", '{"ports":[{"port":80,"name":"b"}]}')} | ${apply} --field-manager=other`,
      `${service("owned", '{"ports":[{"port":80,"name":"b"}]}')} | ${apply} --field-manager=other --force-conflicts`,
      "sleep 1.1",
      `${service("owned", '{"ports":[{"port":81,"name":"c"}]}')} | ${apply}`,
      "kubectl get service owned -n lines -o yaml --show-managed-fields",
    ]);
    expect(outputs[1]).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl": .spec.ports[port=80,protocol="TCP"].name',
    );
    expect(outputs[5]).toContain("name: c");
  });

  it("defines, validates and shows custom resources", async () => {
    const apply = "kubectl apply -f -";
    const outputs = await both([
      `printf '%s' '${DEFINITION}' | ${apply}`,
      "kubectl wait --for condition=established crd/peers.example.metallb.io --timeout=20s",
      // The real server publishes the schema some time after it serves the kind.
      "for i in $(seq 60); do kubectl explain peers.spec.asn >/dev/null 2>&1 && break; sleep 0.2; done; kubectl explain peers.spec.asn",
      `${peer("a", '{"asn":64512,"names":["x","y"],"fixed":true,"wait":"2s"}')} | ${apply}`,
      "kubectl get peers -n lines",
      "kubectl get peer a -n lines -o yaml",
      `${peer("b", '{"asn":0}')} | ${apply}`,
      `${peer("b", '{"asn":"x"}')} | ${apply}`,
      `${peer("b", '{"asn":1,"mode":"none"}')} | ${apply}`,
      `${peer("b", '{"asn":1,"other":2}')} | ${apply}`,
      `${peer("b", '{"asn":1,"wait":"10ms"}')} | ${apply}`,
      `kubectl patch peer a -n lines --type=merge -p '{"spec":{"fixed":false}}'`,
      `kubectl patch peer a -n lines --type=merge --subresource=status -p '{"status":{"node":"n1"},"spec":{"asn":1}}'`,
      `kubectl patch peer a -n lines --type=merge -p '{"status":{"node":"n2"},"spec":{"asn":2}}'`,
      "kubectl get peer a -n lines -o jsonpath='{.metadata.generation} {.spec.asn} {.status.node}'",
      `kubectl patch peer a -n lines --type=strategic -p '{"spec":{"asn":3}}'`,
      `kubectl get peer a -n lines -o yaml | sed 's/resourceVersion:.*/resourceVersion: "1"/' | kubectl replace -f -`,
      "kubectl describe peer a -n lines",
      "kubectl delete peer a -n lines",
      "kubectl delete crd peers.example.metallb.io",
    ]);
    expect(outputs[4]).toContain('a 64512 ["x","y"] AGE');
    expect(outputs[10]).toContain("wait must be a second or more");
    expect(outputs[11]).toContain("fixed cannot be changed");
    expect(outputs[14]).toBe("2 2 n1");
  });

  it("follows changes with -w", async () => {
    const watching = `kubectl get configmaps -n lines -w --request-timeout=6s -l watched=yes 2>/dev/null & watcher=$!
      sleep 1
      kubectl create configmap seen -n lines --dry-run=client -o yaml --from-literal=a=b | kubectl label --local -f - watched=yes -o yaml | kubectl create -f - >/dev/null
      kubectl patch configmap seen -n lines --type=merge -p '{"data":{"c":"d"}}' >/dev/null
      kubectl delete configmap seen -n lines >/dev/null
      wait $watcher`;
    const [output] = await both([watching]);
    expect(output).toBe("NAME DATA AGE\nseen 1 AGE\nseen 2 AGE\nseen 2 AGE\n");
  });
});
