/**
 * A router that talks and does not read: a {@link RecordingPeer} on port 179 of the address that is given, as a process of its
 * own in a network namespace. Each SIGUSR2 has it stop reading, or begin again; it writes a line when it has, and one
 * with what it knows whenever that is something else.
 */
import { RecordingPeer } from "../speaker/recording-peer.ts";

const peer = await RecordingPeer.listen(process.argv[2] ?? "", 179);
let deaf = false;
let said = "";
process.on("SIGUSR2", () => {
  deaf = !deaf;
  if (deaf) peer.deafen(500);
  else peer.hear();
  console.log(deaf ? "deaf" : "hears");
});
setInterval(() => {
  const { connections, routes } = peer;
  const text = JSON.stringify({ connections, count: routes.length, first: routes[0] ?? "", last: routes.at(-1) ?? "" });
  if (text !== said) console.log(text);
  said = text;
}, 200);
console.log("ready");
