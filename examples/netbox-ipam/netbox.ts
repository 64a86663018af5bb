/** An IP address as NetBox has it. */
export interface NetboxAddress {
  readonly id: number;
  /** With its length: `192.0.2.5/24`. */
  readonly address: string;
  readonly description: string;
  readonly tags: readonly { readonly slug: string }[];
}

interface NetboxPrefix {
  readonly id: number;
  readonly prefix: string;
  readonly family: { readonly value: 4 | 6 };
}

/** NetBox said no: 409 where a prefix is full. */
export class NetboxError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const TIMEOUT = 4_000;
const PAGE = 500;

/** The few requests of NetBox's REST API that this needs. */
export class Netbox {
  private readonly url: string;
  private readonly token: string;

  constructor(url: string, token: string) {
    this.url = url.replace(/\/$/, "");
    this.token = token;
  }

  prefix(id: number): Promise<NetboxPrefix> {
    return this.ask<NetboxPrefix>("GET", `/api/ipam/prefixes/${id}/`);
  }

  /** All addresses that match, over NetBox's pages. */
  async find(query: Readonly<Record<string, string>>): Promise<readonly NetboxAddress[]> {
    const found: NetboxAddress[] = [];
    for (;;) {
      const search = new URLSearchParams({ ...query, limit: String(PAGE), offset: String(found.length) });
      const path = `/api/ipam/ip-addresses/?${search.toString()}`;
      const page = await this.ask<{ readonly next: string | null; readonly results: readonly NetboxAddress[] }>(
        "GET",
        path,
      );
      found.push(...page.results);
      if (page.next === null || page.results.length === 0) return found;
    }
  }

  /** The next free address of the prefix. NetBox chooses and takes it in one step. */
  take(prefix: number, fields: object): Promise<NetboxAddress> {
    return this.ask("POST", `/api/ipam/prefixes/${prefix}/available-ips/`, fields);
  }

  create(address: string, fields: object): Promise<NetboxAddress> {
    return this.ask("POST", "/api/ipam/ip-addresses/", { address, ...fields });
  }

  update(id: number, fields: object): Promise<NetboxAddress> {
    return this.ask("PATCH", `/api/ipam/ip-addresses/${id}/`, fields);
  }

  remove(id: number): Promise<unknown> {
    return this.ask("DELETE", `/api/ipam/ip-addresses/${id}/`);
  }

  async ensureTag(slug: string): Promise<void> {
    const { results } = await this.ask<{ readonly results: readonly unknown[] }>(
      "GET",
      `/api/extras/tags/?slug=${slug}`,
    );
    if (results.length === 0) await this.ask("POST", "/api/extras/tags/", { name: slug, slug });
  }

  private async ask<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Token ${this.token}`, accept: "application/json", "content-type": "application/json" },
      signal: AbortSignal.timeout(TIMEOUT),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new NetboxError(response.status, `NetBox: ${response.status} ${text.slice(0, 150)}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }
}
