import type { LinkSettings, NeighborEffect, NeighborEvent } from "#neighbor";
import { backoff, formatIp } from "#net";
import type { HostLink, PacketSocket, PacketSystem } from "#sys";

export interface NeighborSocketPorts {
  event(event: NeighborEvent): void;
  /** The interfaces of this host, whenever they differ: what the main thread plans with. */
  links(links: readonly HostLink[]): void;
  log(level: "debug" | "info" | "warn" | "error", subject: string, message: string): void;
}

/** What could not be listened on or joined is tried again after this, milliseconds. */
const TRY_AGAIN = { first: 1_000, max: 30_000 };
const PROTOCOLS = ["arp", "ndp"] as const;

interface Port {
  readonly link: HostLink;
  readonly sockets: Map<(typeof PROTOCOLS)[number], PacketSocket>;
}

/** What the neighbour engine reaches the LAN through: a packet socket per interface and protocol. */
export class NeighborSockets {
  private readonly ports: NeighborSocketPorts;
  private readonly system: PacketSystem;
  private readonly hostLinks: InstanceType<PacketSystem["HostLinks"]>;
  private readonly groups: InstanceType<PacketSystem["GroupMembership"]>;
  private readonly links = new Map<number, HostLink>();
  private readonly open = new Map<number, Port>();
  private exclude: RegExp | null;
  private retry: NodeJS.Timeout | null = null;
  /** Tries in a row after which something was still missing. */
  private failures = 0;
  private isComplete = false;
  /** Frames that the kernel had no room for. */
  unsent = 0;

  /** Interfaces whose names match `exclude` are left alone. */
  constructor(system: PacketSystem, ports: NeighborSocketPorts, exclude: RegExp | null) {
    this.system = system;
    this.ports = ports;
    this.groups = new system.GroupMembership();
    this.exclude = exclude;
    this.hostLinks = new system.HostLinks({
      complete: () => {
        this.isComplete = true;
        this.ports.links([...this.links.values()]);
      },
      changed: (index, link) => this.changed(index, link),
      failed: (reason) => this.ports.log("error", "", `interfaces are not watched any more: ${reason}`),
    });
  }

  /** Another list of interfaces to leave alone. */
  setExclude(exclude: RegExp | null): void {
    if (String(exclude) === String(this.exclude)) return;
    this.exclude = exclude;
    for (const index of this.links.keys()) this.fit(index);
  }

  perform(effect: Extract<NeighborEffect, { kind: "send" | "groups" }>): void {
    if (effect.kind === "send") return this.send(effect.link, effect.frame);
    for (const group of effect.leave) this.groups.leave(effect.link, group);
    for (const group of effect.join) {
      const problem = this.groups.join(effect.link, group);
      if (problem === null) continue;
      const text = `group ${formatIp(group)} is not joined: ${problem}; tried again later`;
      this.ports.log("warn", this.nameOf(effect.link), text);
      this.tryAgain();
    }
  }

  close(): void {
    if (this.retry) clearTimeout(this.retry);
    this.hostLinks.close();
    for (const index of [...this.open.keys()]) this.shut(index);
    this.groups.close();
  }

  private send(index: number, frame: Uint8Array): void {
    const protocol = frame[12] === 0x08 ? "arp" : "ndp";
    const errno = this.open.get(index)?.sockets.get(protocol)?.send(frame) ?? 0;
    if (errno !== 0) this.unsent += 1;
  }

  private changed(index: number, link: HostLink | null): void {
    if (link) this.links.set(index, link);
    else this.links.delete(index);
    this.fit(index);
    if (this.isComplete) this.ports.links([...this.links.values()]);
  }

  /** Brings sockets and engine to what the interface is now. */
  private fit(index: number): void {
    const link = this.links.get(index);
    const settings = link && this.settingsOf(link);
    if (!link || !settings) {
      if (!this.open.has(index)) return;
      this.shut(index);
      if (!link) this.groups.forget(index);
      return this.ports.event({ kind: "link-removed", index });
    }
    const port: Port = { link, sockets: this.open.get(index)?.sockets ?? new Map() };
    this.open.set(index, port);
    for (const protocol of PROTOCOLS) this.listen(port, protocol, protocol === "arp" ? settings.arp : true);
    this.ports.event({ kind: "link-set", link: settings });
  }

  /** Null: nothing is to be answered there. */
  private settingsOf(link: HostLink): LinkSettings | null {
    const { index, name, mac, up, running, broadcast, loopback, noArp, enslaved, linkLocal } = link;
    if (mac === null || loopback || enslaved || noArp || this.exclude?.test(name)) return null;
    return { index, name, mac, usable: up && running, arp: broadcast, linkLocal };
  }

  private listen({ link, sockets }: Port, protocol: (typeof PROTOCOLS)[number], wanted: boolean): void {
    if (!wanted) {
      sockets.get(protocol)?.close();
      sockets.delete(protocol);
      return;
    }
    if (sockets.has(protocol)) return;
    const { index } = link;
    try {
      sockets.set(
        protocol,
        this.system.openPacketSocket(index, protocol, {
          received: (frame) => this.ports.event({ kind: "received", link: index, frame }),
          failed: (reason) => {
            sockets.delete(protocol);
            this.complain(link.name, reason);
          },
        }),
      );
    } catch (error) {
      this.complain(link.name, error instanceof Error ? error.message : String(error));
    }
  }

  private complain(name: string, reason: string): void {
    this.ports.log("warn", name, `the interface is not listened on: ${reason}; tried again later`);
    this.tryAgain();
  }

  private tryAgain(): void {
    this.retry ??= setTimeout(
      () => {
        this.retry = null;
        for (const index of this.links.keys()) this.fit(index);
        if (!this.groups.joinMissed()) this.tryAgain();
        if (this.retry === null) this.failures = 0;
      },
      backoff(TRY_AGAIN, ++this.failures, Math.random()),
    );
  }

  private shut(index: number): void {
    for (const socket of this.open.get(index)?.sockets.values() ?? []) socket.close();
    this.open.delete(index);
  }

  private nameOf(index: number): string {
    return this.links.get(index)?.name ?? String(index);
  }
}
