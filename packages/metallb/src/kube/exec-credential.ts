import { execFile } from "node:child_process";
import { basename, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { err, ok, type Result, type Timestamp } from "#net";
import { ApiError } from "./api-error.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** What a plugin gave. Secrets. */
export interface ExecCredential {
  readonly token: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface ExecPlugin {
  /** What counts now; runs the plugin where that ran out. Rejects with an {@link ApiError}. */
  credential(): Promise<ExecCredential>;
  /** What counted last, without asking; null before the first. */
  readonly last: ExecCredential | null;
  /** The API refused it: the plugin is run again, but not more often than now and then. */
  forget(): void;
}

const VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
const run = promisify(execFile);
const TIMEOUT = 60_000;
/** Before it runs out, so that a request on its way does not. */
const MARGIN = 60_000;
/** An API that refuses everything must not make us run the plugin for each request. */
const MIN_AGE = 5_000;

/** A credential plugin (client.authentication.k8s.io), run as client-go runs it: never with a terminal. */
export function execPlugin(exec: Fields, folder: string, cluster: Fields): Result<ExecPlugin> {
  const field = "users[].user.exec";
  const { command, apiVersion, installHint } = exec;
  if (typeof command !== "string" || command === "") return err(`${field}.command is missing`);
  if (typeof apiVersion !== "string" || !VERSIONS.includes(apiVersion))
    return err(`${field}.apiVersion must be ${VERSIONS.join(" or ")}`);
  if (exec.interactiveMode === "Always") return err(`${field}.interactiveMode Always: there is no terminal to ask at`);
  if (exec.args !== undefined && exec.args !== null && !isTexts(exec.args))
    return err(`${field}.args must be a list of texts`);
  const env = pairs(exec.env);
  if (env === null) return err(`${field}.env must be a list of pairs of name and value`);
  // A path is meant from the kubeconfig's folder; a bare name is looked for in PATH.
  const program = basename(command) === command || isAbsolute(command) ? command : join(folder, command);
  const info = JSON.stringify({
    apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(exec.provideClusterInfo === true ? { cluster } : {}) },
  });
  const hint = typeof installHint === "string" && installHint !== "" ? ` (${installHint.slice(0, 200)})` : "";
  const args = (exec.args ?? []) as readonly string[];

  async function ask(): Promise<{ credential: ExecCredential; until: Timestamp }> {
    let stdout: string;
    try {
      const options = {
        env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
        timeout: TIMEOUT,
        maxBuffer: 1024 * 1024,
      };
      ({ stdout } = await run(program, args, options));
    } catch (error) {
      // Neither output is told: it may hold what it gave.
      const { code } = error as { code?: string | number };
      throw new ApiError(0, "Credentials", `the credential plugin ${program} failed: ${code ?? "ended"}${hint}`);
    }
    return readAnswer(stdout, program, apiVersion as string);
  }

  let current: { readonly credential: ExecCredential; readonly until: Timestamp } | null = null;
  let asked = Number.NEGATIVE_INFINITY;
  let running: Promise<ExecCredential> | null = null;
  return ok({
    get last() {
      return current?.credential ?? null;
    },
    async credential() {
      if (current && Date.now() < current.until) return current.credential;
      // All who ask meanwhile get the one answer.
      running ??= (async () => {
        try {
          asked = performance.now();
          current = await ask();
          return current.credential;
        } finally {
          running = null;
        }
      })();
      return running;
    },
    forget() {
      if (current && performance.now() - asked >= MIN_AGE) current = { ...current, until: 0 };
    },
  });
}

function readAnswer(
  stdout: string,
  program: string,
  apiVersion: string,
): { credential: ExecCredential; until: Timestamp } {
  const problem = (what: string) => new ApiError(0, "Credentials", `the credential plugin ${program} ${what}`);
  let answer: { kind?: unknown; apiVersion?: unknown; status?: Fields | null };
  try {
    answer = (JSON.parse(stdout) ?? {}) as typeof answer;
  } catch {
    throw problem("did not answer with JSON");
  }
  if (answer.kind !== "ExecCredential") throw problem("did not answer with an ExecCredential");
  if (answer.apiVersion !== apiVersion) throw problem(`answered in another apiVersion than ${apiVersion}`);
  const text = (name: string): string | null => {
    const value = answer.status?.[name];
    return typeof value === "string" && value !== "" ? value : null;
  };
  const credential = { token: text("token"), cert: text("clientCertificateData"), key: text("clientKeyData") };
  if (credential.token === null && credential.cert === null) throw problem("gave neither a token nor a certificate");
  if ((credential.cert === null) !== (credential.key === null))
    throw problem("gave a certificate without its key, or a key alone");
  const expires = Date.parse(text("expirationTimestamp") ?? "");
  return { credential, until: Number.isNaN(expires) ? Number.POSITIVE_INFINITY : expires - MARGIN };
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === "string");

/** The variables as an object; null for what is no list of pairs. */
function pairs(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return {};
  if (!Array.isArray(value)) return null;
  const entries: [string, string][] = [];
  for (const pair of value as readonly (Fields | null)[]) {
    if (typeof pair?.name !== "string" || pair.name === "" || typeof (pair.value ?? "") !== "string") return null;
    entries.push([pair.name, (pair.value ?? "") as string]);
  }
  return Object.fromEntries(entries);
}
