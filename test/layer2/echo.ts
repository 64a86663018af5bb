import { createSocket } from "node:dgram";

// Answers each datagram with the name of the node, from the address that it was sent to.
const [address = "", port = "", name = ""] = process.argv.slice(2);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
socket.on("message", (message, from) => socket.send(`${message.toString()} ${name}`, from.port, from.address));
socket.bind(Number(port), address, () => console.log("ready"));
