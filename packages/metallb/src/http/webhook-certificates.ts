import {
  ApiError,
  type KubeClient,
  type KubeObject,
  keyOf,
  RESOURCES,
  type Reflector,
  type Resource,
  watch,
} from "#kube";
import { backoff, type Duration, type Instant, type Timestamp } from "#net";
import type { Logger } from "#process";
import { fromSecret, isDue, makeWebhookCertificate, toSecret, type WebhookCertificate } from "./webhook-certificate.ts";

export interface WebhookCertificatesOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the Secret that keeps authority and certificate, for all replicas. */
  readonly secret: string;
  /** Names that the API server calls us by. */
  readonly names: readonly string[];
  /** Name of the ValidatingWebhookConfiguration. */
  readonly configuration: string;
  /** Names of the CRDs that are converted by us. */
  readonly crds: readonly string[];
  /** A certificate that is to be served from now on. */
  readonly onCertificate: (certificate: WebhookCertificate) => void;
  readonly log: Logger;
  readonly now?: () => Timestamp;
}

/** How often it is looked whether a certificate ends soon. */
const CHECK = 12 * 3600 * 1000;
const TELL_EVERY = 600_000;
const PAUSE = { first: 1_000, max: 60_000 };

/**
 * Keeps one certificate authority for all replicas in a Secret, renews it in time, and writes it into
 * the webhook configuration and the CRDs, also when somebody overwrites them or makes them anew.
 * Nothing needs a restart. Whatever fails is tried again.
 */
export class WebhookCertificates {
  private readonly options: WebhookCertificatesOptions;
  private readonly reflectors: readonly Reflector<unknown>[];
  private current: WebhookCertificate | null = null;
  /** What was trusted before: until every server has the new one, both count. */
  private previous: string | null = null;
  private timer: NodeJS.Timeout | null = null;
  private running = false;
  private again = false;
  private stopped = false;
  private failures = 0;
  /** The API asked to be left alone until then, whatever the watches tell meanwhile. */
  private notBefore: Instant = 0;
  private readonly told = new Map<string, number>();

  constructor(options: WebhookCertificatesOptions) {
    this.options = options;
    const { client, namespace, secret, configuration, crds } = options;
    const one = (resource: Resource, name: string, where: { namespace?: string } = {}) =>
      watch(client, resource, {
        ...where,
        fieldSelector: `metadata.name=${name}`,
        project: keyOf,
        // Each version is looked at.
        same: () => false,
        onTrouble: (message) => this.tell(message),
      }) as Reflector<unknown>;
    this.reflectors = [
      one(RESOURCES.secrets, secret, { namespace }),
      one(RESOURCES.validatingwebhookconfigurations, configuration),
      ...crds.map((name) => one(RESOURCES.customresourcedefinitions, name)),
    ];
  }

  start(): void {
    for (const reflector of this.reflectors) {
      reflector.onChange(() => this.look());
      reflector.start();
    }
    this.look();
  }

  stop(): void {
    this.stopped = true;
    if (this.timer) clearTimeout(this.timer);
    for (const reflector of this.reflectors) reflector.stop();
  }

  private look(): void {
    this.again = true;
    if (this.running || this.stopped) return;
    const early = this.notBefore - performance.now();
    if (early > 0) this.lookIn(early + 1);
    else void this.run();
  }

  private lookIn(pause: Duration): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), pause);
  }

  private async run(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.running = true;
    this.again = false;
    let pause = CHECK;
    try {
      await this.round();
      this.failures = 0;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) this.tell((error as Error).message);
      const asked = ApiError.asks(error);
      this.notBefore = performance.now() + asked;
      pause = Math.max(backoff(PAUSE, ++this.failures, Math.random()), asked);
    }
    this.running = false;
    if (this.stopped) return;
    // What the watches told meanwhile is looked at now.
    if (this.again) this.look();
    else this.lookIn(pause);
  }

  private async round(): Promise<void> {
    const certificate = await this.certificate();
    if (this.stopped) return;
    if (certificate.cert !== this.current?.cert || certificate.key !== this.current.key) {
      if (this.current && this.current.ca !== certificate.ca) this.previous = this.current.ca;
      this.current = certificate;
      this.options.onCertificate(certificate);
    }
    const bundle = Buffer.from(certificate.ca + (this.previous ?? "")).toString("base64");
    const { configuration, crds } = this.options;
    await this.inject(RESOURCES.validatingwebhookconfigurations, configuration, (object) => withBundle(object, bundle));
    for (const name of crds)
      await this.inject(RESOURCES.customresourcedefinitions, name, (object) => withConversionBundle(object, bundle));
  }

  /** What the Secret holds; made anew where it holds nothing that serves. Another replica may be faster: then what it made counts. */
  private async certificate(): Promise<WebhookCertificate> {
    const { client, namespace, secret, names, now = Date.now } = this.options;
    const where = { namespace, name: secret };
    const object = await found(client.get(RESOURCES.secrets, where));
    const held = object ? fromSecret(object.data) : null;
    if (held && !isDue(held, names, now())) return held;
    if (held) this.previous = held.ca;
    const made = await makeWebhookCertificate(names, now());
    const data = toSecret(made);
    if (object) {
      const others = (object.data ?? {}) as Readonly<Record<string, string>>;
      await client.replace(RESOURCES.secrets, where, { ...object, data: { ...others, ...data } });
    } else
      await client.create(
        RESOURCES.secrets,
        { namespace },
        { apiVersion: "v1", kind: "Secret", metadata: { name: secret, namespace }, data },
      );
    this.options.log.info("webhook certificate made", { op: "webhook", secret, names: names.join() });
    return made;
  }

  private async inject(
    resource: Resource,
    name: string,
    change: (object: KubeObject) => KubeObject | null,
  ): Promise<void> {
    const object = await found(this.options.client.get(resource, { name }));
    const changed = object && change(object);
    if (changed) await this.options.client.replace(resource, { name }, changed);
  }

  /** The same trouble is one line now and then: a cluster may not give the rights at all. */
  private tell(error: string): void {
    const now = performance.now();
    if (now - (this.told.get(error) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY) return;
    for (const [text, at] of this.told) if (now - at >= TELL_EVERY) this.told.delete(text);
    this.told.set(error, now);
    this.options.log.warn("webhook certificates: trying again", { op: "webhook", error });
  }
}

async function found(promise: Promise<KubeObject>): Promise<KubeObject | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ApiError && error.isNotFound) return null;
    throw error;
  }
}

interface ClientConfig {
  readonly caBundle?: string;
}

/** With the bundle in each webhook; null where it is there already. */
function withBundle(object: KubeObject, caBundle: string): KubeObject | null {
  const webhooks = (object.webhooks ?? []) as readonly { readonly clientConfig?: ClientConfig }[];
  if (webhooks.every(({ clientConfig }) => clientConfig?.caBundle === caBundle)) return null;
  return {
    ...object,
    webhooks: webhooks.map((each) => ({ ...each, clientConfig: { ...each.clientConfig, caBundle } })),
  };
}

/** With the bundle where the CRD converts by webhook; null where nothing is to be done. */
function withConversionBundle(object: KubeObject, caBundle: string): KubeObject | null {
  const spec = (object.spec ?? {}) as {
    readonly conversion?: { readonly strategy?: string; readonly webhook?: { readonly clientConfig?: ClientConfig } };
  };
  const { conversion } = spec;
  const clientConfig = conversion?.webhook?.clientConfig;
  if (conversion?.strategy !== "Webhook" || !clientConfig || clientConfig.caBundle === caBundle) return null;
  const webhook = { ...conversion.webhook, clientConfig: { ...clientConfig, caBundle } };
  return { ...object, spec: { ...spec, conversion: { ...conversion, webhook } } };
}
