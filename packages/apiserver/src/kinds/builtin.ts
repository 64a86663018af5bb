import { configMap } from "./config-map.ts";
import { customResourceDefinition } from "./custom-resource-definition.ts";
import { endpointSlice } from "./endpoint-slice.ts";
import { event, eventOfGroup } from "./event.ts";
import { lease } from "./lease.ts";
import { namespace } from "./namespace.ts";
import { node } from "./node.ts";
import { pod } from "./pod.ts";
import { rbacKinds } from "./rbac.ts";
import type { Resource, Strategy } from "./resource.ts";
import { secret } from "./secret.ts";
import { service } from "./service.ts";
import { serviceAccount } from "./service-account.ts";
import type { ServiceAllocators } from "./service-allocators.ts";
import { webhookConfigurations } from "./webhook-configuration.ts";

/** Every built-in kind that is served. A new kind is a file beside this one and a line here. */
export const builtinResources = (allocators: ServiceAllocators, definitionStrategy: Strategy): Resource[] => [
  configMap,
  event,
  eventOfGroup,
  namespace,
  node,
  pod,
  secret,
  service(allocators),
  lease,
  endpointSlice,
  serviceAccount,
  ...rbacKinds,
  ...webhookConfigurations,
  customResourceDefinition(definitionStrategy),
];
