import type { FlagTable } from "./flags.ts";

const PORT = [0, 65535] as const;

/** Flags that controller and speaker share. */
const shared = {
  namespace: { default: "", env: "METALLB_NAMESPACE", help: "namespace of MetalLB's own objects" },
  "log-level": {
    default: "info",
    choices: ["all", "debug", "info", "warn", "error", "none"],
    help: "lowest level that is logged: all, debug, info, warn, error or none",
  },
  port: { default: 9120, range: PORT, help: "HTTPS port for metrics; 0 turns it off" },
  "health-probe-port": { default: 17472, range: PORT, help: "port of /healthz, /readyz and /state; 0 turns it off" },
  "watch-configmap": {
    default: false,
    help: "read the configuration from a ConfigMap in the format of MetalLB 0.1 to 0.12, and not from custom resources",
  },
  config: { default: "config", help: "name of the ConfigMap that -watch-configmap reads, in the own namespace" },
  "lb-class": { default: "", help: "handle only Services of this spec.loadBalancerClass" },
  "pod-name": { default: "", env: "METALLB_POD_NAME", help: "name of the own Pod" },
  "metrics-cert-dir": { default: "", help: "folder with tls.crt and tls.key for metrics; empty: self-signed" },
  "pprof-bind-address": {
    default: "",
    help: "host:port at which profiles of the main thread are served; without a host this machine alone; empty: nowhere",
  },
  "tls-min-version": {
    default: "",
    choices: ["", "VersionTLS12", "VersionTLS13"],
    strictExit: 1,
    help: "lowest TLS version of servers: VersionTLS12 or VersionTLS13 (the default)",
  },
  "tls-cipher-suites": { default: "", help: "comma-separated TLS 1.2 cipher suites" },
  "tls-curve-preferences": { default: "", help: "comma-separated numbers of curves" },
} as const satisfies FlagTable;

export const CONTROLLER_FLAGS = {
  ...shared,
  kubeconfig: { default: "", env: "KUBECONFIG", help: "kubeconfig file; empty: the Pod's service account" },
  deployment: {
    default: "",
    env: "METALLB_DEPLOYMENT",
    help: "name of the own Deployment, which owns the memberlist Secret",
  },
  "ml-secret-name": {
    default: "",
    env: "METALLB_ML_SECRET_NAME",
    help: "name of the memberlist Secret to create; empty: none",
  },
  "ipam-url": {
    default: "",
    env: "METALLB_IPAM_URL",
    help: "URL of the IPAM that chooses the addresses of pools with the annotation metallb.io/ipam; empty: none",
  },
  "ipam-cluster": {
    default: "",
    env: "METALLB_IPAM_CLUSTER",
    help: "name of this cluster with the IPAM, which no other cluster may have; required with -ipam-url",
  },
  "ipam-token-file": {
    default: "",
    env: "METALLB_IPAM_TOKEN_FILE",
    help: "file with the bearer token for the IPAM, read for each request; empty: none",
  },
  "ipam-ca-file": {
    default: "",
    env: "METALLB_IPAM_CA_FILE",
    help: "file with the certificates that sign the IPAM's; empty: those that Node trusts",
  },
  "disable-cert-rotation": { default: false, help: "do not renew webhook certificates" },
  "cert-dir": {
    default: "/tmp/k8s-webhook-server/serving-certs",
    help: "folder of the webhook's certificate",
  },
  "cert-service-name": { default: "metallb-webhook-service", help: "Service of the webhook" },
  "webhook-mode": {
    default: "enabled",
    choices: ["enabled", "disabled", "onlywebhook"],
    strictExit: 1,
    help: "enabled, disabled or onlywebhook",
  },
  "webhook-secret": { default: "metallb-webhook-cert", help: "Secret of the webhook's certificate" },
  "webhook-http2": { default: false, help: "offer HTTP/2 on the webhook" },
} as const satisfies FlagTable;

export const SPEAKER_FLAGS = {
  ...shared,
  kubeconfig: { default: "", env: "KUBECONFIG", help: "kubeconfig file; empty: the Pod's service account" },
  "node-name": { default: "", env: "METALLB_NODE_NAME", help: "name of the own node; required" },
  host: { default: "", env: "METALLB_HOST", help: "has no effect, kept for compatibility" },
  "ignore-exclude-lb": { default: false, help: "ignore the node label exclude-from-external-load-balancers" },
  "bgp-debounce-timeout": {
    default: 3000,
    range: [1, 2 ** 31 - 1],
    strictExit: 1,
    env: "METALLB_BGP_DEBOUNCE_TIMEOUT",
    help: "milliseconds; there is nothing to debounce here",
    later: "FRR compatibility",
  },
  "ml-bindaddr": { default: "", env: "METALLB_ML_BIND_ADDR", help: "address for gossip; empty: no gossip" },
  "ml-bindport": { default: 7946, range: PORT, env: "METALLB_ML_BIND_PORT", help: "port for gossip" },
  "ml-labels": { default: "", env: "METALLB_ML_LABELS", help: "label selector of speaker Pods; empty: no gossip" },
  "ml-secret-key-path": {
    default: "",
    env: "METALLB_ML_SECRET_KEY_PATH",
    help: "folder with the file secretkey; empty: gossip in clear text",
  },
  "ml-wan-config": { default: false, help: "timing of gossip for wide area networks" },
  "l2-repeat-interval": {
    default: 0,
    range: [0, 86_400],
    help: "seconds between gratuitous packets while an address is announced; 0: after changes alone",
  },
  "l2-on-conflict": {
    default: "report",
    choices: ["report", "defend"],
    strictExit: 1,
    help: "what to do about a foreign host that has an address: report it, or defend the address",
  },
  "l2-lease-duration": {
    default: 10,
    range: [3, 300],
    help: "seconds that the Lease of a node lasts, for L2Advertisements that are fenced by Leases",
  },
  "frrk8s-namespace": {
    default: "",
    env: "FRRK8S_NAMESPACE",
    help: "namespace of FRRConfiguration objects",
    later: "FRR compatibility",
  },
  "frrk8s-secret-passthrough": {
    default: false,
    help: "hand references to Secrets on unresolved",
    later: "FRR compatibility",
  },
} as const satisfies FlagTable;

/** The one line that names flags whose part comes later; null when there is nothing to say. */
export const laterNotice = (later: readonly string[]): string | null =>
  later.length === 0 ? null : `accepted without effect in this version: ${later.map((name) => `-${name}`).join(", ")}`;
