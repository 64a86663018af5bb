import { type FieldError, invalid, required } from "../base/errors.ts";
import { ensure, equal, number, object, objects, text, texts } from "../base/json.ts";
import { define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";
import { bumpGeneration, setGeneration } from "./strategy.ts";

const endpointSliceStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (slice) => {
    slice.endpoints ??= [];
    slice.ports ??= [];
    for (const port of objects(slice, "ports")) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
    for (const endpoint of objects(slice, "endpoints")) ensure(endpoint, "conditions");
  },
  prepareCreate: setGeneration,
  prepareUpdate: (slice, old) => {
    bumpGeneration(slice, old);
    if (
      !equal(object(slice, "metadata", "labels"), object(old, "metadata", "labels")) &&
      number(slice, "metadata", "generation") === number(old, "metadata", "generation")
    )
      ensure(slice, "metadata").generation = (number(old, "metadata", "generation") ?? 0) + 1;
  },
  validate: (slice, old) => {
    const types = ["FQDN", "IPv4", "IPv6"];
    const type = text(slice, "addressType");
    const errors: FieldError[] = [];
    if (type === "") errors.push(required("addressType"));
    else if (!types.includes(type))
      errors.push({
        type: "unsupported",
        field: "addressType",
        value: type,
        detail: `supported values: ${types.map((one) => JSON.stringify(one)).join(", ")}`,
      });
    if (old && type !== text(old, "addressType")) errors.push(invalid("addressType", type, "field is immutable"));
    if (objects(slice, "endpoints").length > 1000)
      errors.push({
        type: "tooMany",
        field: "endpoints",
        value: objects(slice, "endpoints").length,
        detail: "must have at most 1000 items",
      });
    return errors;
  },
};

/** At most three are named. */
function some(all: readonly string[], empty: string): string {
  if (all.length === 0) return empty;
  return all.length > 3 ? `${all.slice(0, 3).join(",")} + ${all.length - 3} more...` : all.join(",");
}

const endpointSlicePrinter = printer(
  [NAME, column("AddressType"), column("Ports"), column("Endpoints"), AGE],
  (slice, now) => [
    nameOf(slice),
    text(slice, "addressType"),
    some(
      objects(slice, "ports").map((port) => String(number(port, "port") ?? "*")),
      "<unset>",
    ),
    some(
      objects(slice, "endpoints").flatMap((endpoint) => texts(endpoint, "addresses")),
      "<unset>",
    ),
    created(slice, now),
  ],
);

/** EndpointSlices. */
export const endpointSlice: Resource = define({
  group: "discovery.k8s.io",
  kind: "EndpointSlice",
  plural: "endpointslices",
  definition: "io.k8s.api.discovery.v1.EndpointSlice",
  printer: endpointSlicePrinter,
  strategy: endpointSliceStrategy,
});
