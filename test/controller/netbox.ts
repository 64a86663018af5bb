import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";

interface Address {
  id: number;
  address: string;
  description: string;
  tags: { slug: string }[];
}

const TOKEN = "netbox-secret";

/** As much of NetBox's REST API as allocating takes: prefixes, their available addresses, addresses, tags. */
export class FakeNetbox {
  readonly token = TOKEN;
  readonly addresses: Address[] = [];
  /** It answers nothing but errors. */
  down = false;
  /** Addresses that the next questions are answered with, whatever the prefix has. */
  readonly lies: string[] = [];
  readonly requests: string[] = [];
  /** Prefix id → network and length. */
  readonly prefixes = new Map<number, string>([
    [42, "192.0.2.0/29"],
    [43, "2001:db8::/126"],
  ]);
  private readonly tags = new Set<string>();
  private readonly server: Server;
  private ids = 0;

  private constructor() {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch(() => response.destroy());
    });
  }

  static async open(): Promise<FakeNetbox> {
    const netbox = new FakeNetbox();
    await new Promise<void>((resolve) => netbox.server.listen(0, "127.0.0.1", resolve));
    return netbox;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Somebody else takes an address. */
  occupy(address: string, description: string): void {
    this.addresses.push({ id: ++this.ids, address, description, tags: [] });
  }

  /** Somebody else gives one up. */
  vacate(address: string): void {
    const at = this.addresses.findIndex((each) => bare(each.address) === address);
    if (at >= 0) this.addresses.splice(at, 1);
  }

  /** The addresses that have the cluster's tag, ascending. */
  held(): readonly string[] {
    return this.addresses
      .filter(({ tags }) => tags.length > 0)
      .map(({ address }) => bare(address))
      .sort();
  }

  close(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const { pathname, searchParams } = new URL(url, "http://netbox");
    let text = "";
    for await (const part of request.setEncoding("utf8") as AsyncIterable<string>) text += part;
    const send = (status: number, body?: unknown) => {
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(body === undefined ? "" : JSON.stringify(body));
    };
    if (this.down) return send(502, { detail: "bad gateway" });
    if (request.headers.authorization !== `Token ${TOKEN}`) return send(403, { detail: "Invalid token" });
    this.requests.push(`${method} ${pathname}`);
    const body = text === "" ? {} : (JSON.parse(text) as Partial<Address>);
    const prefix = /^\/api\/ipam\/prefixes\/(\d+)\/(available-ips\/)?$/.exec(pathname);
    const one = /^\/api\/ipam\/ip-addresses\/(\d+)\/$/.exec(pathname);
    if (prefix) {
      const network = this.prefixes.get(Number(prefix[1]));
      if (network === undefined) return send(404, { detail: "Not found." });
      const value = isIPv6(network.split("/", 1)[0] ?? "") ? 6 : 4;
      if (!prefix[2])
        return send(200, { id: Number(prefix[1]), prefix: network, family: { value, label: `IPv${value}` } });
      const free =
        this.lies.shift() ?? inside(network).find((ip) => !this.addresses.some((each) => bare(each.address) === ip));
      if (free === undefined) return send(409, { detail: "An insufficient number of IP addresses are available" });
      return send(201, this.add(`${free}/${network.split("/")[1]}`, body));
    }
    if (pathname === "/api/extras/tags/") {
      if (method === "POST") this.tags.add((body as { slug: string }).slug);
      return method === "POST"
        ? send(201, body)
        : send(200, { next: null, results: [...this.tags].filter((slug) => slug === searchParams.get("slug")) });
    }
    if (pathname === "/api/ipam/ip-addresses/" && method === "POST")
      return send(201, this.add(body.address ?? "", body));
    if (pathname === "/api/ipam/ip-addresses/") return send(200, this.page(searchParams));
    const at = this.addresses.findIndex(({ id }) => id === Number(one?.[1]));
    if (at < 0) return send(404, { detail: "Not found." });
    if (method === "PATCH") return send(200, Object.assign(this.addresses[at] as Address, body));
    this.addresses.splice(at, 1);
    send(204);
  }

  private add(address: string, { description = "", tags = [] }: Partial<Address>): Address {
    if (tags.some(({ slug }) => !this.tags.has(slug))) throw new Error("NetBox refuses a tag that it does not know");
    const made = { id: ++this.ids, address, description, tags };
    this.addresses.push(made);
    return made;
  }

  private page(query: URLSearchParams): object {
    const [tag, address, parent] = ["tag", "address", "parent"].map((name) => query.get(name));
    const found = this.addresses.filter(
      (each) =>
        (tag === null || each.tags.some(({ slug }) => slug === tag)) &&
        (address === null || bare(each.address) === canonical(address ?? "")) &&
        (parent === null || inside(parent ?? "").includes(bare(each.address))),
    );
    const offset = Number(query.get("offset") ?? 0);
    const results = found.slice(offset, offset + Number(query.get("limit") ?? 50));
    return { count: found.length, next: offset + results.length < found.length ? "more" : null, results };
  }
}

const bare = (address: string): string => address.split("/", 1)[0] ?? "";

/** NetBox finds an address however it is written. */
const canonical = (address: string): string =>
  isIPv6(address) ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;

/** The addresses that NetBox gives of a network of at most 256: not the first, and of IPv4 not the last. */
function inside(network: string): readonly string[] {
  const [base = "", length = ""] = network.split("/");
  if (isIPv6(base))
    return Array.from({ length: 2 ** (128 - Number(length)) - 1 }, (_, i) =>
      canonical(`${base}${(i + 1).toString(16)}`),
    );
  const parts = base.split(".");
  const count = 2 ** (32 - Number(length));
  return Array.from({ length: count - 2 }, (_, i) => [...parts.slice(0, 3), Number(parts[3]) + i + 1].join("."));
}
