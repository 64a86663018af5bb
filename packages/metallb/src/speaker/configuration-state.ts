import type { Problem } from "#config";
import { type KubeClient, RESOURCES } from "#kube";

export interface ConfigurationStateOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly node: string;
  readonly owner: { readonly name: string; readonly uid: string } | null;
  readonly trouble: (message: string) => void;
}

const MAX_SUMMARY = 30_000;
const RETRY = 10_000;

/** Writes the ConfigurationState object of this speaker by server-side apply, when what it says differs. */
export class ConfigurationStateWriter {
  readonly #options: ConfigurationStateOptions;
  #wanted: string | null = null;
  #written: string | null = null;
  #running = false;
  #transition = "";
  #stopped = false;

  constructor(options: ConfigurationStateOptions) {
    this.#options = options;
  }

  tell(problems: readonly Problem[]): void {
    this.#wanted = problems
      .map(({ kind, name, message }) => `${kind} ${name}: ${message}`)
      .join("\n")
      .slice(0, MAX_SUMMARY);
    if (!this.#running) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#wanted !== this.#written && !this.#stopped) {
      const summary = this.#wanted ?? "";
      try {
        await this.#write(summary);
        this.#written = summary;
      } catch (error) {
        this.#options.trouble((error as Error).message);
        await new Promise((resolve) => setTimeout(resolve, RETRY).unref());
      }
    }
    this.#running = false;
  }

  async #write(summary: string): Promise<void> {
    const { client, namespace, node, owner } = this.#options;
    const name = `speaker-${node}`;
    const head = { apiVersion: "metallb.io/v1beta1", kind: "ConfigurationState" };
    const labels = { "metallb.io/component-type": "speaker", "metallb.io/node-name": node };
    const ownerReferences = owner ? [{ apiVersion: "v1", kind: "Pod", ...owner }] : [];
    await client.apply(
      RESOURCES.configurationstates,
      { namespace, name },
      { ...head, metadata: { name, namespace, labels, ...(owner ? { ownerReferences } : {}) } },
      "configReconciler",
    );
    const valid = summary === "";
    // The time changes with the status alone, as conditions have it.
    if (this.#transition === "" || (this.#written === "") !== valid)
      this.#transition = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    const condition = {
      type: "configReconcilerValid",
      status: valid ? "True" : "False",
      reason: valid ? "Reconciled" : "ConfigurationError",
      message: valid ? "" : `configuration error: ${summary}`,
      lastTransitionTime: this.#transition,
    };
    const status = {
      result: valid ? "Valid" : "Invalid",
      errorSummary: valid ? "" : condition.message,
      conditions: [condition],
    };
    await client.apply(
      RESOURCES.configurationstates,
      { namespace, name, subresource: "status" },
      { ...head, metadata: { name, namespace }, status },
      "configReconciler",
    );
  }
}
