import { convertBGPPeer } from "#api";
import {
  type KeyPair,
  readKeyPair,
  startWebhookServer,
  type TlsSettings,
  WebhookCertificates,
  type WebhookFigures,
  type WebhookServer,
  watchKeyPair,
} from "#http";
import type { KubeClient } from "#kube";
import { backoff, err } from "#net";
import type { Logger } from "#process";
import { admissionJudges } from "./admission.ts";

export interface WebhooksOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly log: Logger;
  readonly tls: TlsSettings;
  readonly figures?: WebhookFigures;
  readonly flags: {
    readonly "cert-dir": string;
    readonly "cert-service-name": string;
    readonly "disable-cert-rotation": boolean;
    readonly "webhook-secret": string;
    readonly "webhook-http2": boolean;
  };
  /** The port that the Service of the webhook points to; upstream knows no other. */
  readonly port?: number;
  /** Further names that the API server calls us by. */
  readonly names?: readonly string[];
}

const WEBHOOK_PORT = 9443;
const PAUSE = { first: 1_000, max: 30_000 };

/** The webhooks of a controller: a certificate, a server as soon as there is one, and both for as long as it runs. */
export class Webhooks {
  private readonly options: WebhooksOptions;
  private readonly certificates: WebhookCertificates | null;
  private server: WebhookServer | null = null;
  private certificate: KeyPair | null = null;
  private starting = false;
  private failures = 0;
  private stopped = false;
  private timer: NodeJS.Timeout | null = null;
  private unwatch: (() => void) | null = null;

  constructor(options: WebhooksOptions) {
    this.options = options;
    const { client, namespace, log, flags, names = [] } = options;
    this.certificates = flags["disable-cert-rotation"]
      ? null
      : new WebhookCertificates({
          client,
          namespace,
          log,
          secret: flags["webhook-secret"],
          names: [`${flags["cert-service-name"]}.${namespace}.svc`, ...names],
          configuration: "metallb-webhook-configuration",
          crds: ["bgppeers.metallb.io"],
          onCertificate: (certificate) => this.serve(certificate),
        });
  }

  /** Whether the API server is answered. */
  get isServing(): boolean {
    return this.server !== null;
  }

  get port(): number | null {
    return this.server?.port ?? null;
  }

  start(): void {
    if (this.certificates) return this.certificates.start();
    const folder = this.options.flags["cert-dir"];
    this.unwatch = watchKeyPair(folder, () => this.readFolder(folder));
    this.readFolder(folder);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.unwatch?.();
    this.certificates?.stop();
    await this.server?.close();
  }

  private readFolder(folder: string): void {
    const pair = readKeyPair(folder, "--cert-dir");
    if (pair.ok) this.serve(pair.value);
    else this.options.log.warn(pair.error, { op: "webhook" });
  }

  private serve(certificate: KeyPair): void {
    this.certificate = certificate;
    if (this.server) this.server.renew(certificate);
    else if (!this.starting) void this.listen();
  }

  private async listen(): Promise<void> {
    const { client, namespace, log, tls, flags, figures, port = WEBHOOK_PORT } = this.options;
    if (!this.certificate || this.stopped) return;
    this.starting = true;
    const used = this.certificate;
    const started = await startWebhookServer({
      host: "",
      port,
      certificate: used,
      tls,
      http2: flags["webhook-http2"],
      judges: admissionJudges(client, namespace),
      convert: (object, apiVersion) => {
        const version = apiVersion.slice(apiVersion.indexOf("/") + 1);
        return version === "v1beta1" || version === "v1beta2"
          ? convertBGPPeer(object, version)
          : err(`there is no version ${apiVersion.slice(0, 100)}`);
      },
      ...(figures ? { figures } : {}),
      log,
    });
    this.starting = false;
    if (!started.ok) {
      // Addresses go on being given without webhooks: what is wrong is found by those who read it, too.
      log.error(`the webhook cannot be served; trying again: ${started.error}`, { op: "webhook" });
      if (!this.stopped)
        this.timer = setTimeout(() => void this.listen(), backoff(PAUSE, ++this.failures, Math.random()));
      return;
    }
    this.server = started.value;
    log.info("webhook serving", { op: "webhook", port: this.server.port });
    if (this.stopped) return this.server.close();
    if (this.certificate !== used) this.server.renew(this.certificate);
  }
}
