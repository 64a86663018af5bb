import type { FieldError } from "./errors.ts";
import { ensure, isObject } from "./json.ts";
import { PLAIN, type Strategy } from "./resource.ts";
import type { ServiceAllocators } from "./service-allocators.ts";
import {
  dropTypeDependentFields,
  keepAllocated,
  mirrorClusterIp,
  normalizeClusterIps,
  setFamilies,
  setIngressDefaults,
  setServiceDefaults,
} from "./service-defaults.ts";
import { clusterIpMismatch, validateService, validateServiceStatus } from "./service-validation.ts";

/** v1.Service: what it is given when it is written, and what is refused. */
export function serviceStrategy(allocators: ServiceAllocators): Strategy {
  return {
    ...PLAIN,
    setDefaults: setServiceDefaults,
    prepareCreate: (service) => {
      service.status = { loadBalancer: {} };
      normalizeClusterIps(service, null);
    },
    prepareUpdate: (service, old) => {
      service.status = isObject(old.status) ? old.status : { loadBalancer: {} };
      keepAllocated(service, old);
      normalizeClusterIps(service, old);
      dropTypeDependentFields(service, old);
    },
    prepareStatus: (service, old) => {
      service.spec = ensure(old, "spec");
      setIngressDefaults(service);
    },
    // Addresses are given only to what is valid, and what cannot be had is one more refusal.
    validate: (service, old): FieldError[] => {
      const mismatch = clusterIpMismatch(service);
      if (mismatch.length > 0) return mismatch;
      setFamilies(service, old);
      mirrorClusterIp(service);
      // On creation addresses are looked at first of all, as the API does.
      const unavailable = old === null ? allocators.addressErrors(service, old) : [];
      if (unavailable.length > 0) return unavailable;
      const errors = validateService(service, old);
      if (errors.length > 0) return errors;
      const refused = allocators.assign(service, old);
      mirrorClusterIp(service);
      return refused;
    },
    validateStatus: (service) => validateServiceStatus(service),
  };
}
