import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface ConnectionLimits {
  /** Connections at once, of all sources together. */
  readonly total: number;
  /** Of one address. */
  readonly perSource: number;
}

/** A prober, two scrapers and a dashboard need a handful; the rest is room for those that are slow to close. */
const CONNECTION_LIMITS: ConnectionLimits = { total: 256, perSource: 32 };

/** Those that are open. */
export interface Connections {
  closeAll(): void;
}

interface Connection {
  readonly socket: Socket;
  readonly source: string;
  /** Requests under way. */
  busy: number;
}

/**
 * Whoever opens connections and says nothing never keeps others out: where there are too many, of one
 * source or in all, the one that is idle for longest makes room for the new one. Only where every one
 * is busy the new one is refused.
 */
export function limitConnections(server: Server, limits: ConnectionLimits = CONNECTION_LIMITS): Connections {
  /** By address and port of the other end, those that were idle for longest first. */
  const all = new Map<string, Connection>();
  const bySource = new Map<string, Set<Connection>>();

  const drop = (connections: Iterable<Connection>): boolean => {
    for (const connection of connections)
      if (connection.busy === 0) {
        forget(connection);
        connection.socket.destroy();
        return true;
      }
    return false;
  };
  const forget = ({ socket, source }: Connection): void => {
    all.delete(nameOf(socket));
    const own = bySource.get(source);
    for (const each of own ?? []) if (each.socket === socket) own?.delete(each);
    if (own?.size === 0) bySource.delete(source);
  };

  server.on("connection", (socket: Socket) => {
    const source = socket.remoteAddress ?? "";
    const name = nameOf(socket);
    const own = bySource.get(source) ?? new Set<Connection>();
    const fits = (own.size < limits.perSource || drop(own)) && (all.size < limits.total || drop(all.values()));
    if (!fits) {
      socket.destroy();
      return;
    }
    const connection: Connection = { socket, source, busy: 0 };
    all.set(name, connection);
    bySource.set(source, (bySource.get(source) ?? own).add(connection));
    socket.once("close", () => {
      if (all.get(name) === connection) forget(connection);
    });
  });
  server.on("request", (request, response) => {
    // Behind TLS the request has another socket, to the same other end.
    const connection = all.get(nameOf(request.socket));
    if (!connection) return;
    connection.busy++;
    response.once("close", () => {
      connection.busy--;
      // It was just used: others have been idle for longer.
      if (all.delete(nameOf(connection.socket))) all.set(nameOf(connection.socket), connection);
      const own = bySource.get(connection.source);
      if (own?.delete(connection)) own.add(connection);
    });
  });
  return {
    closeAll: () => {
      for (const { socket } of all.values()) socket.destroy();
    },
  };
}

const nameOf = ({ remoteAddress = "", remotePort = 0 }: Socket): string => `${remoteAddress} ${remotePort}`;
