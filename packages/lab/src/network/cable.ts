import { connect, createServer, type Server, type Socket } from "node:net";

export interface CableEnds {
  /** Where the cable's near end listens: what the speaker takes for the router. */
  readonly near: string;
  /** The node's own address: what the router sees the connection come from. */
  readonly from: string;
  /** The router's address. */
  readonly far: string;
  readonly port: number;
}

/**
 * A cable between one node and the router, where there are no interfaces to pull one from: it
 * carries the bytes of TCP connections both ways. Cut, it carries nothing and tells nobody, so both
 * ends find out at their hold time, as they would at a real cable.
 */
export class Cable {
  private readonly ends: CableEnds;
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private severed = false;

  /** Listens at the near end. Rejects with the system's error when the address cannot be had. */
  static async lay(ends: CableEnds): Promise<Cable> {
    const cable = new Cable(ends);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    cable.server.once("error", reject);
    cable.server.listen(ends.port, ends.near, resolve);
    await promise;
    return cable;
  }

  constructor(ends: CableEnds) {
    this.ends = ends;
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) =>
      this.accept(near),
    );
  }

  get isCut(): boolean {
    return this.severed;
  }

  cut(): void {
    this.severed = true;
    for (const link of this.links) link.hold();
  }

  heal(): void {
    this.severed = false;
    for (const link of this.links) link.carry();
  }

  async close(): Promise<void> {
    for (const link of this.links) link.destroy();
    if (!this.server.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.server.close(() => resolve());
    await promise;
  }

  private accept(near: Socket): void {
    const { far, from, port } = this.ends;
    const link = new Link(
      near,
      () => connect({ host: far, port, localAddress: from, allowHalfOpen: true, noDelay: true }),
      () => this.links.delete(link),
    );
    this.links.add(link);
    if (!this.severed) link.carry();
  }
}

/** One connection through the cable. */
class Link {
  private readonly near: Socket;
  private readonly dial: () => Socket;
  private readonly gone: () => void;
  private far: Socket | null = null;
  private carrying = false;

  constructor(near: Socket, dial: () => Socket, gone: () => void) {
    this.near = near;
    this.dial = dial;
    this.gone = gone;
    this.watch(near);
  }

  carry(): void {
    this.carrying = true;
    if (this.near.destroyed || this.far?.destroyed) {
      this.destroy();
      return;
    }
    if (this.far === null) {
      this.far = this.dial();
      this.watch(this.far);
    }
    this.near.pipe(this.far);
    this.far.pipe(this.near);
  }

  hold(): void {
    this.carrying = false;
    for (const socket of [this.near, this.far]) socket?.unpipe().pause();
  }

  destroy(): void {
    this.near.resetAndDestroy();
    this.far?.resetAndDestroy();
    this.gone();
  }

  /** While the cable is cut, the end of one side stays unknown to the other. */
  private watch(socket: Socket): void {
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.carrying) this.destroy();
    });
  }
}
