import { CORE, define } from "./define.ts";
import { AGE, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource } from "./resource.ts";

/** ServiceAccounts: kept, so that manifests can be applied. Nobody logs in as one. */
export const serviceAccount: Resource = define({
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  shortNames: ["sa"],
  definition: `${CORE}.ServiceAccount`,
  printer: printer([NAME, AGE], (account, now) => [nameOf(account), created(account, now)]),
  strategy: PLAIN,
});
