/**
 * A web server that says who answers whom, as a program of its own: `backend.ts NAME PORT`.
 *
 *     hello from node-1 to 192.0.2.10
 */
import { createServer } from "node:http";

const [name = "", port] = process.argv.slice(2);

createServer((request, response) => {
  const client = request.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "";
  response.setHeader("connection", "close");
  response.end(`hello from ${name} to ${client}\n`);
}).listen(Number(port), "::", () => console.log("listening"));
