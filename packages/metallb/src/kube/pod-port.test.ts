import { createServer as createHttp, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { ApiError } from "./api-error.ts";
import { createClient } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import { getFromPod } from "./pod-port.ts";
import { FrameReader, OPCODE } from "./web-socket.ts";

/** An API server and a kubelet in one: carries the connection to a port of this machine. */
class Kubelet {
  readonly asked: string[] = [];
  readonly servers: Server[] = [];

  async serve(answer: string, status = 200): Promise<number> {
    return await this.listen(createHttp((_, response) => response.writeHead(status).end(answer)));
  }

  async api(refuse: number | null = null): Promise<number> {
    const server = createHttp((_, response) => response.writeHead(404).end());
    server.on("upgrade", (request, socket: Duplex) => {
      this.asked.push(`${request.url} ${request.headers["sec-websocket-protocol"]} ${request.headers.authorization}`);
      if (refuse !== null) return socket.end(`HTTP/1.1 ${refuse} No\r\ncontent-length: 0\r\n\r\n`);
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-protocol: v4.channel.k8s.io\r\n\r\n",
      );
      carry(socket, Number(new URL(request.url ?? "", "http://x").searchParams.get("ports")));
    });
    return await this.listen(server);
  }

  private async listen(server: Server): Promise<number> {
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }
}

const frame = (channel: number, octets: Buffer): Buffer => {
  const payload = Buffer.concat([Buffer.from([channel]), octets]);
  const head = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | OPCODE.binary, ...head]), payload]);
};

function carry(socket: Duplex, port: number): void {
  const reader = new FrameReader();
  const two = Buffer.from([port & 255, port >> 8]);
  socket.write(Buffer.concat([frame(0, two), frame(1, two)]));
  const inner = connect(port, "127.0.0.1");
  inner.on("error", (error) => socket.write(frame(1, Buffer.from(error.message))));
  inner.on("data", (piece: Buffer) => {
    for (let at = 0; at < piece.length; at += 1_000) socket.write(frame(0, piece.subarray(at, at + 1_000)));
  });
  inner.on("close", () => socket.end());
  socket.on("data", (piece: Buffer) => {
    for (const { payload } of reader.push(unmask(piece))) inner.write(payload.subarray(1));
  });
  socket.on("error", () => inner.destroy());
}

/** One frame of a client, as a server reads it; a test's request is one frame. */
function unmask(octets: Buffer): Buffer {
  const size = (octets[1] ?? 0) & 0x7f;
  const head = size < 126 ? 2 : 4;
  const mask = octets.subarray(head, head + 4);
  const payload = octets.subarray(head + 4).map((octet, i) => octet ^ (mask[i & 3] ?? 0));
  const plain = Buffer.from(octets.subarray(0, head));
  plain[1] = size;
  return Buffer.concat([plain, payload]);
}

describe("what a container tells its own machine alone", () => {
  const kubelet = new Kubelet();
  afterEach(() => {
    for (const server of kubelet.servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  const client = (port: number) =>
    createClient(
      {
        server: `http://127.0.0.1:${port}`,
        namespace: null,
        tls: {},
        token: async () => "secret",
      } as unknown as Cluster,
      {
        userAgent: "test",
      },
    );
  const ask = (api: number, port: number) =>
    getFromPod(client(api), { namespace: "ns", pod: "speaker-1", port }, "/state", 5_000);

  it("comes through the API server, also where it is long, with the user's own credentials for the API server alone", async () => {
    const state = { node: "n", text: "x".repeat(100_000) };
    const port = await kubelet.serve(JSON.stringify(state));
    expect(await ask(await kubelet.api(), port)).toEqual(state);
    expect(kubelet.asked.at(-1)).toBe(
      `/api/v1/namespaces/ns/pods/speaker-1/portforward?ports=${port} v4.channel.k8s.io Bearer secret`,
    );
  });

  it("is an error with its status where the API server refuses, and with words where nothing listens", async () => {
    const refused = ask(await kubelet.api(403), 1);
    await expect(refused).rejects.toMatchObject({ status: 403 });
    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(ask(await kubelet.api(), 1)).rejects.toThrow("ECONNREFUSED");
    await expect(ask(await kubelet.api(), await kubelet.serve("no", 404))).rejects.toMatchObject({ status: 404 });
    await expect(ask(await kubelet.api(), await kubelet.serve("<html>"))).rejects.toThrow("not JSON");
  });
});
