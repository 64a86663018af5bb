import { afterAll, beforeAll, expect, it } from "vitest";
import { floodDuring, rcvbufErrors } from "../support/flooding.ts";
import { describeWith } from "../support/parts.ts";
import { eventually, projectFile } from "../support/programs.ts";
import { type RealCluster, startRealCluster } from "./real-cluster.ts";

const CHART = projectFile("deploy/helm/metallb");
const NAMESPACE = "metallb-system";
const VALUES = [
  "controller.image.repository=localhost/metallb-ts",
  "speaker.image.repository=localhost/metallb-ts",
  "controller.image.tag=test",
  "speaker.image.tag=test",
  "controller.image.pullPolicy=Never",
  "speaker.image.pullPolicy=Never",
  "controller.replicas=2",
].flatMap((value) => ["--set", value]);

/**
 * Without graceful restart each speaker's routes go and come back. The router then spreads connections
 * anew, and the one that is open at that moment may land at the node that does not know it.
 */
const PATH_CHANGES = 4;

/** Datagrams a second, and the port of those who answer. */
const RATE = 1_000;
const ECHO_PORT = 9_999;

const CONFIGURATION = `
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: first, namespace: ${NAMESPACE} }
spec: { addresses: ["203.0.113.0/24"] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: all, namespace: ${NAMESPACE} }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: router, namespace: ${NAMESPACE} }
spec: { myASN: 64512, peerASN: 64513, peerAddress: 172.29.0.1, holdTime: 9s }
`;

const WEB = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 0
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: DoNotSchedule
          labelSelector: { matchLabels: { app: web } }
      containers:
        - name: web
          image: localhost/web:test
          imagePullPolicy: Never
          readinessProbe: { httpGet: { port: 8080, path: / }, periodSeconds: 1 }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: LoadBalancer, selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
`;

/** A BGPPeer in place of the other: the field cannot be changed in one that is there. */
const GRACEFUL = `
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: graceful, namespace: ${NAMESPACE} }
spec: { myASN: 64512, peerASN: 64513, peerAddress: 172.29.0.1, holdTime: 9s, enableGracefulRestart: true }
`;

/** Answers each datagram, with what is in our image: Node. Nobody but n1 can carry its traffic. */
const ECHO = `
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (text, from) => socket.send(text + " " + process.env.NODE, from.port, from.address));
socket.bind(${ECHO_PORT}, () => socket.setRecvBufferSize(1 << 20));
`;
const ECHO_OBJECTS = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "echo", namespace: "default" },
      spec: {
        selector: { matchLabels: { app: "echo" } },
        template: {
          metadata: { labels: { app: "echo" } },
          spec: {
            terminationGracePeriodSeconds: 0,
            nodeSelector: { "kubernetes.io/hostname": "n1" },
            containers: [
              {
                name: "echo",
                image: "localhost/metallb-ts:test",
                imagePullPolicy: "Never",
                command: ["/bin/node", "-e", ECHO],
                env: [{ name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
              },
            ],
          },
        },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "echo", namespace: "default", annotations: { "metallb.io/loadBalancerIPs": "203.0.113.9" } },
      spec: {
        type: "LoadBalancer",
        externalTrafficPolicy: "Local",
        selector: { app: "echo" },
        ports: [{ port: ECHO_PORT, protocol: "UDP" }],
      },
    },
  ],
});

describeWith(
  ["root", "namespaces", "bird", "kubernetes", "helm", "buildah", "containerd"],
  "a cluster with real nodes",
  () => {
    let cluster: RealCluster;
    const rollout = (what: string) => cluster.kubectl(["rollout", "status", what, "-n", NAMESPACE, "--timeout=120s"]);
    const nodesAtRouter = (address = "203.0.113.0") =>
      (cluster.router("ip", "route", "show", address).match(/via 172\.29\.0\.1\d/g) ?? []).length;

    beforeAll(async () => {
      cluster = startRealCluster();
      await eventually(
        () => cluster.kubectl(["get", "nodes", "--no-headers"]),
        (text) => (text.match(/ Ready /g) ?? []).length === 2,
        { what: "the nodes are not Ready", limit: 90_000 },
      ).catch((error: Error) => {
        throw new Error(`${error.message}\n${cluster.logs()}`);
      });
    });
    afterAll(() => cluster?.close());

    it("is given the chart, and its Pods reach Ready", () => {
      cluster.helm(
        "install",
        "metallb",
        CHART,
        "-n",
        NAMESPACE,
        "--create-namespace",
        ...VALUES,
        "--wait",
        "--timeout",
        "120s",
      );
      // Helm takes a DaemonSet for ready when enough of it is.
      rollout("daemonset/metallb-speaker");
      rollout("deployment/metallb-controller");
      const pods = cluster.kubectl(["get", "pods", "-n", NAMESPACE, "--no-headers"]);
      expect(pods.match(/ 1\/1 +Running/g)).toHaveLength(4);
    });

    it("gives a Service an address that a client reaches through the router", async () => {
      cluster.kubectl(["apply", "-f", "-"], CONFIGURATION);
      cluster.kubectl(["apply", "-f", "-"], WEB);
      cluster.kubectl(["rollout", "status", "deployment/web", "--timeout=60s"]);
      await eventually(
        () => nodesAtRouter(),
        (count) => count === 2,
        {
          what: "the router has not a route to each node",
          limit: 60_000,
        },
      );
      // kube-proxy hears of the address when the speakers do, and may take longer.
      await eventually(
        () => cluster.client("curl", "-sf", "-m", "2", "http://203.0.113.0/"),
        (text) => text === "hello\n",
        { what: "the client cannot reach the Service", limit: 20_000 },
      );
    });

    it("tells the command line what each Pod decided, though speakers tell it to their own machine alone", async () => {
      const view = await eventually(
        () => JSON.parse(cluster.metallb("status", "-o", "json")) as { readonly problems: readonly string[] },
        ({ problems }) => problems.length === 0,
        { what: "not every state is read", limit: 20_000 },
      );
      expect(view.problems).toEqual([]);
      const explained = cluster.metallb("explain", "default/web", "-o", "json");
      expect(explained).toContain("203.0.113.0");
      expect(explained).not.toContain("no state of");
      const condition = 'jsonpath={.status.conditions[?(@.type=="metallb.io/Announced")].message}';
      await eventually(
        () => cluster.kubectl(["get", "service", "web", "-o", condition]),
        (message) => /by BGP from \S+, \S+ to router$/.test(message),
        { what: "the condition does not name both nodes" },
      );
    });

    it.each(["daemonset/metallb-speaker", "deployment/metallb-controller"])(
      "keeps the traffic through a rolling update of the %s",
      async (what) => {
        const traffic = cluster.traffic("http://203.0.113.0/");
        cluster.kubectl(["rollout", "restart", what, "-n", NAMESPACE]);
        rollout(what);
        await eventually(
          () => nodesAtRouter(),
          (count) => count === 2,
          {
            what: "the routes did not come back",
            limit: 60_000,
          },
        );
        const { answered, failed } = await traffic.stop();
        expect(answered).toBeGreaterThan(20);
        expect(failed).toBeLessThanOrEqual(PATH_CHANGES);
      },
    );

    it("keeps the address and the routes through an upgrade by Helm", async () => {
      const traffic = cluster.traffic("http://203.0.113.0/");
      cluster.helm(
        "upgrade",
        "metallb",
        CHART,
        "-n",
        NAMESPACE,
        ...VALUES,
        "--set",
        "speaker.logLevel=debug",
        "--wait",
        "--timeout",
        "120s",
      );
      rollout("daemonset/metallb-speaker");
      const { failed } = await traffic.stop();
      expect(failed).toBeLessThanOrEqual(PATH_CHANGES);
      const address = cluster.kubectl(["get", "service", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"]);
      expect(address).toBe("203.0.113.0");
    });

    it("loses no datagram, no request and no route through a rolling update with graceful restart", async () => {
      cluster.kubectl(["delete", "bgppeer", "router", "-n", NAMESPACE]);
      await eventually(
        () => nodesAtRouter(),
        (count) => count === 0,
        { what: "the router still has routes", limit: 30_000 },
      );
      cluster.kubectl(["apply", "-f", "-"], GRACEFUL);
      cluster.kubectl(["apply", "-f", "-"], ECHO_OBJECTS);
      cluster.kubectl(["rollout", "status", "daemonset/echo", "--timeout=60s"]);
      await eventually(
        () => nodesAtRouter(),
        (count) => count === 2,
        { what: "the routes did not come back", limit: 60_000 },
      );
      await eventually(
        () => nodesAtRouter("203.0.113.9"),
        (count) => count === 1,
        {
          what: "the router has no route to the node that answers",
          limit: 60_000,
        },
      );
      const pod = cluster.kubectl(["get", "pods", "-l", "app=echo", "-o", "name"]).trim();
      const overflown = () =>
        rcvbufErrors(cluster.client("cat", "/proc/net/snmp")) +
        rcvbufErrors(
          cluster.kubectl(["exec", pod, "--", "/bin/node", "-p", 'fs.readFileSync("/proc/net/snmp", "utf8")']),
        );
      const full = overflown();
      const monitor = cluster.routeChanges();
      const traffic = cluster.traffic("http://203.0.113.0/");
      const { flood, answered } = await floodDuring(
        { at: cluster.clientPlace, address: "203.0.113.9", port: ECHO_PORT, rate: RATE },
        async () => {
          cluster.kubectl(["rollout", "restart", "daemonset/metallb-speaker", "-n", NAMESPACE]);
          rollout("daemonset/metallb-speaker");
          await eventually(
            () => cluster.established(),
            (count) => count === 2,
            {
              what: "the sessions did not come back",
              limit: 60_000,
            },
          );
        },
      );
      const requests = await traffic.stop();
      const changes = await monitor.stop();
      console.info(
        `${flood.sent} datagrams sent, ${answered} answered; ${requests.answered} requests, ${requests.failed} failed`,
      );
      expect(changes).toBe("");
      expect(Object.keys(flood.answers)).toEqual(["n1"]);
      expect(flood.sent - flood.failed - answered - (overflown() - full)).toBe(0);
      expect(requests.answered).toBeGreaterThan(20);
      expect(requests.codes).toEqual([]);
    });

    it("withdraws the routes and keeps the pools when it is uninstalled, though the router would keep them", async () => {
      const logs = cluster.speakerLogs();
      cluster.helm("uninstall", "metallb", "-n", NAMESPACE, "--wait", "--timeout", "60s");
      const withdrawn = () =>
        eventually(
          () => nodesAtRouter(),
          (count) => count === 0,
          { what: "the router still has routes", limit: 30_000 },
        );
      await withdrawn().catch(async (error: Error) => {
        throw new Error(`${error.message}\n${await logs.stop()}`);
      });
      expect(await logs.stop()).not.toContain("is expected back");
      expect(cluster.kubectl(["get", "ipaddresspool", "-n", NAMESPACE, "-o", "name"])).toContain("first");
    });
  },
);
