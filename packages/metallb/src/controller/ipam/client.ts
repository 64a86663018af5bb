import { readFile, stat } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Ask } from "#allocator";
import { ApiError, readBody } from "#kube";
import { type Duration, formatIp, type Ip } from "#net";
import { type Allocation, allocationBody, type Owner, readAddress, readPage, readReason } from "./protocol.ts";

const TIMEOUT: Duration = 5_000;
/** Octets of an answer, and pages of the list, at most. */
const MAX_ANSWER = 4 * 1024 * 1024;
const MAX_PAGES = 200;
const PAGE = 1_000;
const MAX_TOKEN = 16 * 1024;
/** The longest pause that an answer may ask for, seconds. */
const MAX_PAUSE = 300;

export interface IpamSettings {
  readonly url: URL;
  readonly cluster: string;
  /** Read for each request, so that a rotated one counts; null, or no such file: none is sent. */
  readonly tokenFile: string | null;
  /** Certificates that sign the IPAM's; null, or no such file: those that Node trusts. */
  readonly caFile: string | null;
}

export type Operation = "list" | "allocate" | "adopt" | "release";
export type OperationResult = "ok" | "refused" | "failed";

export type Answer =
  | { readonly kind: "given"; readonly address: Ip } /** `isFull`: nor is there an address for anybody else. */
  | { readonly kind: "refused"; readonly why: string; readonly isFull: boolean };

/** Everything that a request needs, as it is now. */
interface Access {
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: string | null;
}

/** What the controller needs of an IPAM. Rejects with an ApiError where it does not answer, or with an error. */
export interface IpamApi {
  list(signal: AbortSignal): Promise<readonly Allocation[]>;
  /** `adopt`: the Service has the address that the ask wants already. The same question gets the same answer. */
  allocate(owner: Owner, ask: Ask, adopt: boolean, signal: AbortSignal): Promise<Answer>;
  release(allocation: Allocation, signal: AbortSignal): Promise<void>;
}

/** The client of docs/ipam.md. `told` hears of each request, for metrics. */
export class IpamClient implements IpamApi {
  private readonly settings: IpamSettings;
  private readonly told: (operation: Operation, result: OperationResult) => void;
  private readonly http = new HttpAgent({ keepAlive: true, maxSockets: 8 });
  private https: { readonly ca: string | null; readonly agent: HttpsAgent } | null = null;

  constructor(settings: IpamSettings, told: (operation: Operation, result: OperationResult) => void) {
    this.settings = settings;
    this.told = told;
  }

  async list(signal: AbortSignal): Promise<readonly Allocation[]> {
    const items: Allocation[] = [];
    let next = "";
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const query = `?limit=${PAGE}${next === "" ? "" : `&continue=${encodeURIComponent(next)}`}`;
      const { body } = await this.ask("list", "GET", query, undefined, signal, []);
      const page = readPage(body);
      if (!page.ok) throw unusable(page.error);
      items.push(...page.value.items);
      if (page.value.next === "") return items;
      next = page.value.next;
    }
    throw unusable(`its list has more than ${MAX_PAGES} pages`);
  }

  async allocate(owner: Owner, ask: Ask, adopt: boolean, signal: AbortSignal): Promise<Answer> {
    const operation = adopt ? "adopt" : "allocate";
    const refusals = [404, 409, 422];
    const { status, body } = await this.ask(operation, "POST", "", allocationBody(owner, ask, adopt), signal, refusals);
    if (refusals.includes(status))
      return { kind: "refused", why: readReason(body, `status ${status}`), isFull: status !== 422 };
    const address = readAddress(body);
    if (!address.ok) throw unusable(address.error);
    return { kind: "given", address: address.value };
  }

  /** What is not there, or not this Service's any more, is released. */
  async release({ address, uid }: Allocation, signal: AbortSignal): Promise<void> {
    const path = `/${encodeURIComponent(formatIp(address))}?uid=${encodeURIComponent(uid)}`;
    await this.ask("release", "DELETE", path, undefined, signal, [404, 409]);
  }

  close(): void {
    this.http.destroy();
    this.https?.agent.destroy();
  }

  private async ask(
    operation: Operation,
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal,
    refusals: readonly number[],
  ): Promise<{ readonly status: number; readonly body: unknown }> {
    try {
      const answer = await this.send(method, path, body, signal);
      const { status } = answer;
      if (!refusals.includes(status) && (status < 200 || status > 299))
        throw new ApiError(status, "Ipam", `${status} ${readReason(answer.body, "")}`.trim(), answer.pause);
      this.told(operation, refusals.includes(status) && operation !== "release" ? "refused" : "ok");
      return answer;
    } catch (error) {
      this.told(operation, "failed");
      if (error instanceof ApiError) throw error;
      // Without the address, which says nothing to who reads a Service's condition.
      const { code, message } = error as NodeJS.ErrnoException;
      const why = signal.aborted ? "the request was ended" : (code ?? message);
      throw new ApiError(0, "Unreachable", why === "ABORT_ERR" ? "no answer within 5 s" : why, null, error);
    }
  }

  private async send(method: string, path: string, body: object | undefined, signal: AbortSignal) {
    const { url, cluster } = this.settings;
    const { headers, ca } = await this.access();
    const secure = url.protocol === "https:";
    const prefix = url.pathname.replace(/\/$/, "");
    const whole = new URL(`${prefix}/v1/clusters/${encodeURIComponent(cluster)}/allocations${path}`, url);
    const octets = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const length = octets && { "content-type": "application/json", "content-length": String(octets.length) };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT)]);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = {
        method,
        signal: limit,
        headers: { accept: "application/json", "user-agent": "metallb-controller", ...headers, ...length },
      };
      (secure
        ? httpsRequest(whole, { ...options, agent: this.secureAgent(ca) })
        : httpRequest(whole, { ...options, agent: this.http })
      )
        .on("response", resolve)
        .on("error", reject)
        .end(octets);
    });
    const text = await readBody(response, MAX_ANSWER);
    const seconds = Number(response.headers["retry-after"]);
    const pause = Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, MAX_PAUSE) * 1_000 : null;
    return { status: response.statusCode ?? 0, body: parse(text), pause };
  }

  private async access(): Promise<Access> {
    const { tokenFile, caFile } = this.settings;
    const token = tokenFile === null ? "" : (await read(tokenFile, MAX_TOKEN)).trim();
    const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
    return { headers, ca: (caFile === null ? "" : await read(caFile, MAX_ANSWER)) || null };
  }

  private secureAgent(ca: string | null): HttpsAgent {
    if (this.https?.ca !== ca) {
      this.https?.agent.destroy();
      this.https = null;
    }
    this.https ??= { ca, agent: new HttpsAgent({ keepAlive: true, maxSockets: 8, ...(ca === null ? {} : { ca }) }) };
    return this.https.agent;
  }
}

/** "" where there is no such file: a Secret need not have every key. */
async function read(file: string, limit: number): Promise<string> {
  const { size } = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return { size: 0 };
    throw error;
  });
  if (size === 0) return "";
  if (size > limit) throw new ApiError(0, "Credentials", `${file} is longer than ${limit} octets`, null);
  return readFile(file, "utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const unusable = (why: string): ApiError => new ApiError(0, "BadAnswer", `its answer cannot be used: ${why}`, null);
