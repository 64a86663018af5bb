import { type FieldError, invalid } from "../base/errors.ts";
import { ensure, number, text } from "../base/json.ts";
import { define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";

const leaseStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (lease) => {
    ensure(lease, "spec");
  },
  validate: (lease) => {
    const errors: FieldError[] = [];
    for (const member of ["leaseDurationSeconds", "leaseTransitions"] as const) {
      const value = number(lease, "spec", member);
      if (value === null) continue;
      if (member === "leaseDurationSeconds" && value <= 0)
        errors.push(invalid(`spec.${member}`, value, "must be greater than 0"));
      if (member === "leaseTransitions" && value < 0)
        errors.push(invalid(`spec.${member}`, value, "must be greater than or equal to 0"));
    }
    return errors;
  },
};

const leasePrinter = printer([NAME, column("Holder"), AGE], (lease, now) => [
  nameOf(lease),
  text(lease, "spec", "holderIdentity"),
  created(lease, now),
]);

/** Leases: who leads. */
export const lease: Resource = define({
  group: "coordination.k8s.io",
  kind: "Lease",
  plural: "leases",
  definition: "io.k8s.api.coordination.v1.Lease",
  printer: leasePrinter,
  strategy: leaseStrategy,
});
