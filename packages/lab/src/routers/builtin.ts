import { createServer, type Server, type Socket } from "node:net";
import type { Place } from "#network";
import { BuiltinSession, isUp } from "./builtin-session.ts";
import {
  type Neighbour,
  type Router,
  type RouterDescription,
  type RouterPath,
  type RouterRoute,
  type RouterSession,
  RouterUnavailable,
} from "./router.ts";

/**
 * The router that comes with this project, in the lab's own process: it waits for the speakers,
 * learns their routes and keeps them to itself.
 */
export async function startBuiltin(_place: Place, description: RouterDescription, _folder: string): Promise<Router> {
  if (description.installRoutes) {
    throw new RouterUnavailable(
      "the built-in router lives in the lab's own process and forwards nothing: with --network namespaces install bird2 or frr",
    );
  }
  if (description.neighbours.some((neighbour) => neighbour.password !== null)) {
    throw new RouterUnavailable("the built-in router knows no TCP MD5");
  }
  const router = new BuiltinRouter(description);
  await router.listen();
  return router;
}

class BuiltinRouter implements Router {
  readonly kind = "builtin";
  readonly title = "the built-in router";
  readonly pids = [];
  readonly configuration = "";
  private readonly description: RouterDescription;
  private readonly neighbours: ReadonlyMap<string, Neighbour>;
  /** By the neighbour's name: the connection that is up or about to be. */
  private readonly byNeighbour = new Map<string, BuiltinSession>();
  private readonly servers: Server[] = [];

  constructor(description: RouterDescription) {
    this.description = description;
    this.neighbours = new Map(description.neighbours.map((neighbour) => [neighbour.address, neighbour]));
  }

  async listen(): Promise<void> {
    try {
      for (const address of this.description.listen) {
        const server = createServer({ noDelay: true }, (socket) => this.accept(socket));
        const { promise, resolve, reject } = Promise.withResolvers<void>();
        server.once("error", reject);
        server.listen(this.description.port, address, resolve);
        await promise;
        this.servers.push(server);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async routes(): Promise<readonly RouterRoute[]> {
    const routes = new Map<string, RouterPath[]>();
    for (const { name } of this.description.neighbours) {
      for (const [prefix, path] of this.byNeighbour.get(name)?.learned ?? []) {
        const paths = routes.get(prefix);
        if (paths === undefined) routes.set(prefix, [path]);
        else paths.push(path);
      }
    }
    return [...routes].map(([prefix, paths]) => ({ prefix, paths }));
  }

  async sessions(): Promise<readonly RouterSession[]> {
    return this.description.neighbours.map(({ name, address }) => {
      const state = this.byNeighbour.get(name)?.state ?? "Active";
      return { name, address, established: state === "Established", state };
    });
  }

  async close(): Promise<void> {
    for (const session of this.byNeighbour.values()) session.shutdown();
    this.byNeighbour.clear();
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  private accept(socket: Socket): void {
    const neighbour = this.neighbours.get(socket.remoteAddress ?? "");
    if (neighbour === undefined) {
      socket.destroy();
      return;
    }
    const { asn, routerId } = this.description;
    const session = new BuiltinSession({ socket, neighbour, asn, routerId });
    const known = this.byNeighbour.get(neighbour.name);
    if (known !== undefined && isUp(known)) {
      // RFC 4271 section 6.8: one that is Established stays.
      session.reject();
      return;
    }
    known?.shutdown();
    this.byNeighbour.set(neighbour.name, session);
    socket.once("close", () => {
      if (this.byNeighbour.get(neighbour.name) === session) this.byNeighbour.delete(neighbour.name);
    });
    session.begin();
  }
}
