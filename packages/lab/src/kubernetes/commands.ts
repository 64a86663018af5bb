import { join } from "node:path";
import type { KubernetesPrograms } from "./programs.ts";

export function etcdCommand(
  programs: KubernetesPrograms,
  folder: string,
  client: number,
  peer: number,
): readonly string[] {
  const peerUrl = `https://127.0.0.1:${peer}`;
  const clientUrl = `https://127.0.0.1:${client}`;
  const [ca, cert, key] = ["ca.crt", "tls.crt", "tls.key"].map((name) => join(folder, name));
  return [
    programs.etcd,
    "--name=lab",
    `--data-dir=${join(folder, "etcd")}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=lab=${peerUrl}`,
    `--cert-file=${cert}`,
    `--key-file=${key}`,
    `--trusted-ca-file=${ca}`,
    "--client-cert-auth",
    `--peer-cert-file=${cert}`,
    `--peer-key-file=${key}`,
    `--peer-trusted-ca-file=${ca}`,
    "--peer-client-cert-auth",
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

export function apiServerCommand(
  programs: KubernetesPrograms,
  folder: string,
  port: number,
  etcdUrl: string,
): readonly string[] {
  const file = (name: string) => join(folder, name);
  return [
    programs.apiServer,
    `--etcd-servers=${etcdUrl}`,
    `--etcd-cafile=${file("ca.crt")}`,
    `--etcd-certfile=${file("tls.crt")}`,
    `--etcd-keyfile=${file("tls.key")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    // Never used, but without one it looks for a default route, which a machine may lack.
    "--advertise-address=192.0.2.1",
    "--endpoint-reconciler-type=none",
    `--tls-cert-file=${file("tls.crt")}`,
    `--tls-private-key-file=${file("tls.key")}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${file("service-account.key")}`,
    `--service-account-signing-key-file=${file("service-account.key")}`,
    "--authorization-mode=RBAC",
    `--token-auth-file=${file("tokens.csv")}`,
    "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112",
    // There are no service accounts to give to pods: nothing runs them.
    "--disable-admission-plugins=ServiceAccount",
    "--profiling=false",
  ];
}

/** Without the node lifecycle controller, which would give up nodes that no kubelet reports for. */
const CONTROLLERS = [
  "endpointslice-controller",
  "namespace-controller",
  "serviceaccount-controller",
  "garbage-collector-controller",
] as const;

export const controllerManagerCommand = (program: string, kubeconfig: string): readonly string[] => [
  program,
  `--kubeconfig=${kubeconfig}`,
  `--controllers=${CONTROLLERS.join(",")}`,
  "--leader-elect=false",
  // It would serve its own health there, which nobody asks for.
  "--secure-port=0",
];
