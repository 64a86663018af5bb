export { runEndpointSlices } from "./endpoint-slices.ts";
export { type ApiServer, type ApiServerOptions, startApiServer } from "./server.ts";
