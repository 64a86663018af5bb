export { runEndpointSlices } from "./cluster/endpoint-slices.ts";
export type { PodBackends } from "./http/pod-connect.ts";
export { type ApiServer, type ApiServerOptions, startApiServer } from "./http/server.ts";
