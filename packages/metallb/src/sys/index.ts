export { fallbackRouterId } from "./host.ts";
export { openTcp, type TcpConnection, type TcpListener, type TcpTarget } from "./tcp.ts";
