export { byAge } from "./age.ts";
export { listCommunities, parseCommunity } from "./communities.ts";
export { type Compilation, compile, type Malformed, NO_RESOURCES, type Resources, validate } from "./compile.ts";
export type * from "./config.ts";
export { parseDuration } from "./duration.ts";
export { PoolLookup } from "./pool-lookup.ts";
export { PROBLEM_CODES, type ProblemCode, problemsAt } from "./problems.ts";
export { attributeText, type RefusedAttribute, withOwnAttributes } from "./service-attributes.ts";
export type { PoolTerms } from "./terms.ts";
