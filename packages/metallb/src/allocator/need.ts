import type { Family, Ip } from "#net";

/** What a waiting Service may wait for. */
export const need = {
  free: (pool: string, family: Family): string => `${pool}/${family}`,
  shared: (pool: string, family: Family, group: string): string => `${pool}/${family} ${group}`,
  address: (address: Ip): string => `${address.family} ${address.value}`,
  quota: (pool: string, namespace: string): string => `${pool} quota of ${namespace}`,
};
