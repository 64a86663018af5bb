import { invalid, required } from "../base/errors.ts";
import { ensure, object, put, text } from "../base/json.ts";
import { dataErrors, immutableErrors } from "./data.ts";
import { CORE, define } from "./define.ts";
import { AGE, column, created, NAME, nameOf, printer } from "./printer.ts";
import { PLAIN, type Resource, type Strategy } from "./resource.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const secretStrategy: Strategy = {
  ...PLAIN,
  setDefaults: (secret) => {
    secret.type ??= "Opaque";
    for (const [key, value] of Object.entries(object(secret, "stringData")))
      put(ensure(secret, "data"), key, Buffer.from(typeof value === "string" ? value : "").toString("base64"));
    delete secret.stringData;
  },
  validate: (secret, old) => {
    const errors = dataErrors(secret, "data");
    for (const [key, value] of Object.entries(object(secret, "data")))
      if (typeof value !== "string" || !BASE64.test(value))
        errors.push(invalid(`data[${key}]`, "<secret>", "illegal base64 data"));
    if (
      secret.type === "kubernetes.io/basic-auth" &&
      object(secret, "data").username === undefined &&
      object(secret, "data").password === undefined
    )
      errors.push(required("data[username]"), required("data[password]"));
    if (old && old.type !== secret.type) errors.push(invalid("type", secret.type ?? "", "field is immutable"));
    return [...errors, ...immutableErrors(secret, old, ["data"])];
  },
};

const secretPrinter = printer([NAME, column("Type"), column("Data"), AGE], (secret, now) => [
  nameOf(secret),
  text(secret, "type"),
  Object.keys(object(secret, "data")).length,
  created(secret, now),
]);

/** Secrets. */
export const secret: Resource = define({
  kind: "Secret",
  plural: "secrets",
  fields: ["type"],
  definition: `${CORE}.Secret`,
  printer: secretPrinter,
  strategy: secretStrategy,
});
