import { BlockList, isIPv6 } from "node:net";
import { type Netbox, type NetboxAddress, NetboxError } from "./netbox.ts";

/** What MetalLB asks: see docs/ipam.md. */
export interface Question {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The annotation of the pool: ids of NetBox's prefixes, with commas between them. */
  readonly range: string;
  readonly family: "IPv4" | "IPv6";
  readonly address?: string;
  readonly adopt?: boolean;
}

/** 409: nothing is free, or somebody else has it; 422: this question cannot be answered otherwise. */
export class Refusal extends Error {
  readonly status: 404 | 409 | 422;

  constructor(status: 404 | 409 | 422, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Allocations as NetBox keeps them: an IP address with the tag of the cluster, and the Service in its description. One
 * question is answered at a time, so that the same question asked twice gets the same address.
 */
export class Allocations {
  private readonly netbox: Netbox;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(netbox: Netbox) {
    this.netbox = netbox;
  }

  async list(cluster: string): Promise<readonly { readonly address: string; readonly uid: string }[]> {
    const found = await this.netbox.find({ tag: tagOf(cluster) });
    return found.map((each) => ({ address: bare(each), uid: uidOf(each) }));
  }

  allocate(cluster: string, question: Question): Promise<{ readonly address: string }> {
    return this.inTurn(async () => {
      const { address: wanted, uid } = question;
      const prefix = await this.prefixFor(question);
      const tag = tagOf(cluster);
      const fields = { status: "active", tags: [{ slug: tag }], description: describe(question) };
      if (wanted === undefined) {
        const own = (await this.netbox.find({ tag, parent: prefix.prefix })).find((each) => uidOf(each) === uid);
        if (own) return { address: bare(own) };
        await this.netbox.ensureTag(tag);
        return { address: bare(await this.netbox.take(prefix.id, fields)) };
      }
      const [there] = await this.netbox.find({ address: wanted });
      if (!there) {
        await this.netbox.ensureTag(tag);
        return { address: bare(await this.netbox.create(`${wanted}/${lengthOf(prefix.prefix)}`, fields)) };
      }
      const isOurs = there.tags.some(({ slug }) => slug === tag);
      if (!isOurs || (uidOf(there) !== uid && question.adopt !== true))
        throw new Refusal(409, `NetBox has ${wanted} for ${there.description || "somebody else"}`);
      if (uidOf(there) !== uid) await this.netbox.update(there.id, fields);
      return { address: bare(there) };
    });
  }

  /** Whether there was such an allocation. */
  release(cluster: string, address: string, uid: string): Promise<boolean> {
    return this.inTurn(async () => {
      const [there] = await this.netbox.find({ tag: tagOf(cluster), address });
      if (!there || uidOf(there) !== uid) return false;
      await this.netbox.remove(there.id);
      return true;
    });
  }

  /** The prefix of the question's family, among those that the range names. */
  private async prefixFor({ range, family, address }: Question) {
    const ids = range.split(",").map((text) => Number(text.trim()));
    if (!ids.every((id) => Number.isSafeInteger(id) && id > 0))
      throw new Refusal(404, `${JSON.stringify(range)} does not name prefixes of NetBox by their ids`);
    for (const id of ids.slice(0, 10)) {
      const prefix = await this.netbox.prefix(id).catch((error: unknown) => {
        if (error instanceof NetboxError && error.status === 404) throw new Refusal(404, `NetBox has no prefix ${id}`);
        throw error;
      });
      if (
        prefix.family.value === (family === "IPv4" ? 4 : 6) &&
        (address === undefined || holds(prefix.prefix, address))
      )
        return prefix;
    }
    if (address !== undefined) throw new Refusal(422, `${address} is in no prefix that ${range} names`);
    throw new Refusal(422, `none of the prefixes ${range} is of ${family}`);
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

const tagOf = (cluster: string): string => `metallb-${cluster.toLowerCase().replaceAll(/[^-a-z0-9_]/g, "-")}`;

const describe = ({ uid, namespace, name }: Question): string => `${uid} ${namespace}/${name}`.slice(0, 200);

const uidOf = ({ description }: NetboxAddress): string => description.split(" ", 1)[0] || "unknown";

const bare = ({ address }: NetboxAddress): string => address.split("/", 1)[0] ?? "";

const lengthOf = (prefix: string): string => prefix.split("/")[1] ?? "";

function holds(prefix: string, address: string): boolean {
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const block = new BlockList();
  block.addSubnet(prefix.split("/", 1)[0] ?? "", Number(lengthOf(prefix)), family);
  return block.check(address, family);
}
