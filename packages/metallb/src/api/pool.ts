import { z } from "zod";
import type { ResourceDefinition } from "./resource.ts";
import { labelSelector } from "./selector.ts";

export const ipAddressPoolSpec = z
  .object({
    addresses: z
      .array(z.string())
      .describe(
        "The addresses of the pool: each entry a CIDR such as 192.0.2.0/24, or a range such as 192.0.2.10-192.0.2.20.",
      ),
    autoAssign: z
      .boolean()
      .default(true)
      .describe("Whether addresses may be given out without being asked for by name or address."),
    avoidBuggyIPs: z
      .boolean()
      .default(false)
      .describe("Keeps IPv4 addresses that end in .0 or .255 back: some old equipment drops them."),
    serviceAllocation: z
      .object({
        priority: z.number().int().optional().describe("Which pool goes first when several fit: 1 is best, 0 is last."),
        namespaces: z.array(z.string()).optional().describe("Namespaces whose Services may use the pool."),
        namespaceSelectors: z
          .array(labelSelector)
          .optional()
          .describe("Namespaces, by label, whose Services may use the pool."),
        serviceSelectors: z.array(labelSelector).optional().describe("Services, by label, that may use the pool."),
      })
      .optional()
      .describe("Limits who may use the pool, and orders pools."),
  })
  .describe("What addresses there are and who may use them.");

const counter = (what: string) =>
  z
    .number()
    .int()
    .meta({ format: "int64", description: `How many ${what}.` });

const ipAddressPoolStatus = z.object({
  assignedIPv4: counter("IPv4 addresses of the pool are in use"),
  assignedIPv6: counter("IPv6 addresses of the pool are in use"),
  availableIPv4: counter("IPv4 addresses of the pool are free"),
  availableIPv6: counter("IPv6 addresses of the pool are free"),
});

export const IPADDRESSPOOL = {
  kind: "IPAddressPool",
  listKind: "IPAddressPoolList",
  plural: "ipaddresspools",
  singular: "ipaddresspool",
  description: "A pool of addresses for Services of type LoadBalancer.",
  versions: [
    {
      version: "v1beta1",
      storage: true,
      spec: ipAddressPoolSpec,
      specRequired: true,
      status: ipAddressPoolStatus,
      columns: [
        {
          name: "Auto Assign",
          type: "boolean",
          jsonPath: ".spec.autoAssign",
          description: "Given out without being asked for",
        },
        {
          name: "Avoid Buggy IPs",
          type: "boolean",
          jsonPath: ".spec.avoidBuggyIPs",
          description: "Keeps .0 and .255 back",
        },
        { name: "Addresses", type: "string", jsonPath: ".spec.addresses", description: "CIDRs and ranges" },
      ],
    },
  ],
} as const satisfies ResourceDefinition;
