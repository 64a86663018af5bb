import { startWebhook } from "@metallb-ts/apiserver/testing";
import { expect, it } from "vitest";
import { APPLY, custom, MERGE, metadataOf, namesOf, type Requests } from "./api.ts";

const SELECTOR = {
  type: "object",
  "x-kubernetes-map-type": "atomic",
  properties: {
    matchLabels: { type: "object", additionalProperties: { type: "string" } },
    matchExpressions: {
      type: "array",
      items: {
        type: "object",
        required: ["key", "operator"],
        properties: { key: { type: "string" }, operator: { type: "string" } },
      },
    },
  },
};

/** What definitions promise of their objects: schema, defaults, CEL, ownership, versions. */
export function customResources(api: Requests): void {
  /** The answer to a new object: its spec, or the fields that are wrong. */
  const outcome = async (plural: string, kind: string, spec: object, name = "x") => {
    const { code, body } = await api.send("POST", `${api.custom(plural)}?dryRun=All`, custom(kind, name, { spec }));
    const { causes } = (body.details ?? {}) as { causes?: { field: string; message: string }[] };
    return code === 201 ? body.spec : (causes ?? []).map(({ field, message }) => `${field}: ${message}`);
  };

  it("checks types, bounds, patterns, enumerations and formats", async () => {
    await api.define("checks", "Check", {
      spec: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string", pattern: "^[a-z]+$", maxLength: 5 },
          port: { type: "integer", minimum: 1, maximum: 65_535 },
          mode: { type: "string", enum: ["on", "off"] },
          either: { "x-kubernetes-int-or-string": true },
          when: { type: "string", format: "date-time" },
          set: { type: "array", items: { type: "string" }, "x-kubernetes-list-type": "set" },
          list: { type: "array", maxItems: 2, items: { type: "integer" } },
          none: { type: "string", nullable: true },
        },
      },
    });
    const check = (spec: object) => outcome("checks", "Check", spec);
    expect(await check({ name: "a", port: 1, mode: "on", either: "80%", none: null })).toEqual({
      name: "a",
      port: 1,
      mode: "on",
      either: "80%",
      none: null,
    });
    expect(await check({})).toEqual(["spec.name: Required value"]);
    expect(await check({ name: "A" })).toEqual([
      `spec.name: Invalid value: "A": spec.name in body should match '^[a-z]+$'`,
    ]);
    expect(await check({ name: "abcdef" })).toEqual(["spec.name: Too long: may not be more than 5 bytes"]);
    expect(await check({ name: "a", port: 0 })).toEqual([
      "spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1",
    ]);
    expect(await check({ name: "a", port: "80" })).toEqual([
      'spec.port: Invalid value: "string": spec.port in body must be of type integer: "string"',
    ]);
    expect(await check({ name: "a", mode: "idle" })).toEqual([
      'spec.mode: Unsupported value: "idle": supported values: "on", "off"',
    ]);
    expect(await check({ name: "a", either: true })).toEqual([
      'spec.either: Invalid value: "boolean": spec.either in body must be of type integer,string: "boolean"',
    ]);
    expect(await check({ name: "a", when: "noon" })).toEqual([
      'spec.when: Invalid value: "noon": spec.when in body must be of type date-time: "noon"',
    ]);
    expect(await check({ name: "a", set: ["b", "b"] })).toEqual(['spec.set[1]: Duplicate value: "b"']);
    expect(await check({ name: "a", list: [1, 2, 3] })).toEqual(["spec.list: Too many: 3: must have at most 2 items"]);
  });

  it("knows the libraries that Kubernetes adds to CEL", async () => {
    const text = { type: "string", maxLength: 64 };
    const rules: Readonly<Record<string, readonly [schema: object, rule: string, good: unknown, bad: unknown]>> = {
      quantity: [
        text,
        "isQuantity(self) && quantity(self).add(quantity('500m')).compareTo(quantity('2')) == 0",
        "1500m",
        "1.6",
      ],
      large: [
        text,
        "quantity(self).isGreaterThan(quantity('1Gi')) && quantity(self).sub(1).isLessThan(quantity(self)) && sign(quantity(self)) == 1",
        "1.5Gi",
        "1G",
      ],
      whole: [
        text,
        "quantity(self).isInteger() && !quantity('0.5').isInteger() && quantity(self).asInteger() == 2000 && quantity(self) == quantity('2e3')",
        "2k",
        "1k",
      ],
      url: [
        text,
        "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() == '::1' && url(self).getPort() == '80' && url(self).getHost() == '[::1]:80' && url(self).getEscapedPath() == '/a%20b' && url(self).getQuery()['x'] == ['1', '2']",
        "https://[::1]:80/a b?x=1&x=2",
        "https://[::1]/a",
      ],
      path: [text, "isURL(self) && url(self).getHost() == ''", "/a/path", "a/path"],
      ip: [
        text,
        "isIP(self) && ip(self).family() == 6 && ip(self).isGlobalUnicast() && ip.isCanonical(self)",
        "fd00::1",
        "fd00:0::1",
      ],
      plain: [
        text,
        "isIP(self) && !ip(self).isLoopback() && string(ip(self)) == '192.0.2.1'",
        "192.0.2.1",
        "::ffff:192.0.2.1",
      ],
      cidr: [
        text,
        "isCIDR(self) && cidr(self).containsIP('10.1.2.3') && cidr(self).masked() == cidr('10.0.0.0/8') && cidr(self).prefixLength() == 8 && !cidr(self).containsCIDR('11.0.0.0/16') && cidr(self).ip() == ip('10.0.0.1')",
        "10.0.0.1/8",
        "11.0.0.0/8",
      ],
      list: [
        { type: "array", maxItems: 8, items: { type: "integer" } },
        "self.isSorted() && self.sum() < 10 && self.max() == 4 && self.min() == 1 && self.indexOf(4) == 2 && self.lastIndexOf(9) == -1 && sets.contains(self, [4]) && sets.intersects([9, 4], self) && sets.equivalent(self, [4, 2, 1, 1])",
        [1, 2, 4],
        [2, 1, 4],
      ],
      text: [
        text,
        "self.charAt(1) == 'b' && self.replace('c', 'x', 1) == 'abx' && self.replace('b', '') == 'ac' && '%s-%d %x'.format([self, 7, 255]) == 'abc-7 ff'",
        "abc",
        "abd",
      ],
    };
    const properties = Object.entries(rules).map(([name, [schema, rule]]) => [
      name,
      { ...schema, "x-kubernetes-validations": [{ rule, message: "it does not hold" }] },
    ]);
    await api.define("libraries", "Library", { spec: { type: "object", properties: Object.fromEntries(properties) } });
    for (const [name, [, , good, bad]] of Object.entries(rules)) {
      expect(await outcome("libraries", "Library", { [name]: good })).toEqual({ [name]: good });
      const shown = Array.isArray(bad) ? "" : ` "${String(bad)}":`;
      expect(await outcome("libraries", "Library", { [name]: bad })).toEqual([
        `spec.${name}: Invalid value:${shown} it does not hold`,
      ]);
    }
  });

  it("fills defaults and drops what it does not know", async () => {
    await api.define("fills", "Fill", {
      spec: {
        type: "object",
        default: {},
        properties: {
          a: { type: "string", default: "one" },
          nested: { type: "object", default: {}, properties: { b: { type: "integer", default: 2 } } },
          items: { type: "array", items: { type: "object", properties: { c: { type: "boolean", default: true } } } },
          map: { type: "object", additionalProperties: { type: "string" } },
          free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          embedded: {
            type: "object",
            "x-kubernetes-embedded-resource": true,
            "x-kubernetes-preserve-unknown-fields": true,
          },
        },
      },
    });
    expect(await outcome("fills", "Fill", { items: [{}, { c: false }], free: { x: { y: 1 } }, unknown: 1 })).toEqual({
      a: "one",
      nested: { b: 2 },
      items: [{ c: true }, { c: false }],
      free: { x: { y: 1 } },
    });
    expect(await outcome("fills", "Fill", { a: null })).toEqual({ a: "one", nested: { b: 2 } });
    expect(await outcome("fills", "Fill", { items: null, map: { x: null, y: "z" } })).toEqual({
      a: "one",
      nested: { b: 2 },
      map: { y: "z" },
    });
    expect(await outcome("fills", "Fill", { items: [{ c: null }, null] })).toEqual([
      'spec.items[1]: Invalid value: "null": spec.items[1] in body must be of type object: "null"',
    ]);
    const whole = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec: { x: 1 } };
    expect(await outcome("fills", "Fill", { embedded: whole })).toMatchObject({ embedded: whole });
    expect(await outcome("fills", "Fill", { embedded: { spec: {} } })).toEqual([
      "spec.embedded.apiVersion: Required value",
      "spec.embedded.kind: Required value",
    ]);
    const answer = await api.send("POST", `${api.custom("fills")}?fieldValidation=Strict`, {
      ...custom("Fill", "strict", { spec: { unknown: 1 } }),
    });
    expect([answer.code, answer.body.message]).toEqual([
      400,
      'Fill in version "v1" cannot be handled as a Fill: strict decoding error: unknown field "spec.unknown"',
    ]);
  });

  it("holds the rules of CEL, transitions and messages included", async () => {
    await api.define("rules", "Rule", {
      spec: {
        type: "object",
        "x-kubernetes-validations": [
          { rule: "!has(self.max) || self.min <= self.max", message: "min must not be above max" },
          {
            rule: "self.min != 13",
            messageExpression: "self.min == 13 ? 'thirteen is unlucky' : 'odd'",
            reason: "FieldValueForbidden",
            fieldPath: ".min",
          },
        ],
        properties: {
          min: { type: "integer" },
          max: { type: "integer" },
          fixed: { type: "string", "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "is fixed" }] },
          host: {
            type: "string",
            maxLength: 64,
            "x-kubernetes-validations": [{ rule: "self.matches('^[a-z.]+$') && self.find('[a-z]+') != 'bad'" }],
          },
          names: {
            type: "array",
            maxItems: 10,
            items: { type: "string", maxLength: 10 },
            "x-kubernetes-validations": [{ rule: "self.all(x, self.exists_one(y, x == y))", message: "must differ" }],
          },
          every: {
            type: "string",
            maxLength: 20,
            "x-kubernetes-validations": [{ rule: "duration(self) >= duration('1s')", message: "at least a second" }],
          },
        },
      },
    });
    const rule = (spec: object) => outcome("rules", "Rule", { min: 1, ...spec });
    expect(await rule({ max: 2, host: "a.b", names: ["a", "b"], every: "1m" })).toMatchObject({ max: 2 });
    expect(await rule({ max: 0 })).toEqual(["spec: Invalid value: min must not be above max"]);
    expect(await rule({ min: 13 })).toEqual(["spec.min: Forbidden: thirteen is unlucky"]);
    expect(await rule({ host: "A" })).toEqual([
      `spec.host: Invalid value: "A": failed rule: self.matches('^[a-z.]+$') && self.find('[a-z]+') != 'bad'`,
    ]);
    expect(await rule({ host: "bad.host" })).toHaveLength(1);
    expect(await rule({ names: ["a", "a"] })).toEqual(["spec.names: Invalid value: must differ"]);
    expect(await rule({ every: "5ms" })).toEqual(['spec.every: Invalid value: "5ms": at least a second']);
    await api.ok("POST", api.custom("rules"), custom("Rule", "fixed", { spec: { min: 1, fixed: "a" } }));
    const moved = await api.send("PATCH", api.custom("rules", "fixed"), { spec: { fixed: "b" } }, MERGE);
    expect([moved.code, moved.body.message]).toEqual([
      422,
      'Rule.contract.io "fixed" is invalid: spec.fixed: Invalid value: "b": is fixed',
    ]);
  });

  it("merges lists by key and owns selectors as one", async () => {
    await api.define("owns", "Own", {
      spec: {
        type: "object",
        properties: {
          selector: SELECTOR,
          peers: {
            type: "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            items: {
              type: "object",
              required: ["name"],
              properties: { name: { type: "string" }, asn: { type: "integer" } },
            },
          },
        },
      },
    });
    const at = api.custom("owns", "shared");
    const apply = (manager: string, spec: object) =>
      api.send("PATCH", `${at}?fieldManager=${manager}`, custom("Own", "shared", { spec }), APPLY);
    const selector = { matchLabels: { a: "1" }, matchExpressions: [{ key: "b", operator: "Exists" }] };
    await apply("one", { selector, peers: [{ name: "p", asn: 1 }] });
    const both = await apply("two", { peers: [{ name: "q", asn: 2 }] });
    expect(both.body.spec).toEqual({
      selector,
      peers: [
        { name: "p", asn: 1 },
        { name: "q", asn: 2 },
      ],
    });
    const refused = await apply("two", {
      selector: { matchLabels: { a: "1", c: "2" } },
      peers: [{ name: "q", asn: 2 }],
    });
    expect([refused.code, refused.body.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "one": .spec.selector',
    ]);
    const owned = (metadataOf(both.body).managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, fieldsV1]);
    expect(owned).toEqual([
      [
        "one",
        {
          "f:spec": {
            "f:selector": {},
            "f:peers": { 'k:{"name":"p"}': { ".": {}, "f:name": {}, "f:asn": {} } },
          },
        },
      ],
      ["two", { "f:spec": { "f:peers": { 'k:{"name":"q"}': { ".": {}, "f:name": {}, "f:asn": {} } } } }],
    ]);
    expect((await apply("one", { peers: [] })).body.spec).toEqual({ peers: [{ name: "q", asn: 2 }] });
  });

  it("shows the columns of its definition", async () => {
    const version = {
      name: "v1",
      served: true,
      storage: true,
      additionalPrinterColumns: [
        { name: "Addresses", type: "string", jsonPath: ".spec.addresses" },
        { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status', priority: 1 },
      ],
      schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
    };
    await api.define("shows", "Show", {}, { versions: [version] });
    const status = { conditions: [{ type: "Ready", status: "True" }] };
    await api.ok("POST", api.custom("shows"), custom("Show", "a", { spec: { addresses: ["x", "y"] }, status }));
    const accept = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const table = (await api.ok("GET", api.custom("shows"), null, { accept })) as {
      columnDefinitions: { name: string; priority: number }[];
      rows: { cells: unknown[] }[];
    };
    expect(table.columnDefinitions.map(({ name, priority }) => [name, priority])).toEqual([
      ["Name", 0],
      ["Addresses", 0],
      ["Ready", 1],
    ]);
    expect(table.rows.map(({ cells }) => cells)).toEqual([["a", '["x","y"]', "True"]]);
  });

  it("converts between versions by webhook: reads, lists, watches and writes", async () => {
    const hook = await startWebhook(["127.0.0.1"], ({ desiredAPIVersion, objects }) => ({
      result: { status: "Success" },
      convertedObjects: (objects as Record<string, unknown>[]).map(({ spec, ...rest }) => {
        const { text = "", words = [] } = spec as { text?: string; words?: string[] };
        const made = desiredAPIVersion === "contract.io/v1" ? { words: text.split(" ") } : { text: words.join(" ") };
        return { ...rest, apiVersion: desiredAPIVersion, spec: made };
      }) as never,
    }));
    const version = (name: string, properties: object) => ({
      name,
      served: true,
      storage: name === "v1",
      schema: { openAPIV3Schema: { type: "object", properties: { spec: { type: "object", properties } } } },
    });
    const clientConfig = { url: `${hook.url}/convert`, caBundle: hook.caBundle };
    await api.define(
      "texts",
      "Text",
      {},
      {
        conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } },
        versions: [
          version("v1", { words: { type: "array", items: { type: "string" } } }),
          version("v1old", { text: { type: "string" } }),
        ],
      },
    );
    const older = (...rest: string[]) => api.custom("texts", ...rest).replace("/v1/", "/v1old/");
    const body = { apiVersion: "contract.io/v1old", kind: "Text", metadata: { name: "a" }, spec: { text: "x y" } };
    const made = await api.ok("POST", older(), body);
    expect([made.apiVersion, made.spec]).toEqual(["contract.io/v1old", { text: "x y" }]);
    const read = await api.ok("GET", api.custom("texts", "a"));
    expect([read.apiVersion, read.spec]).toEqual(["contract.io/v1", { words: ["x", "y"] }]);
    expect(metadataOf(read).uid).toBe(metadataOf(made).uid);
    const open = api.watch(`${older()}?watch=1&resourceVersion=${metadataOf(made).resourceVersion}`);
    await api.ok("PATCH", api.custom("texts", "a"), { spec: { words: ["z"] } }, MERGE);
    expect(await open.next()).toMatchObject({ type: "MODIFIED", object: { spec: { text: "z" } } });
    open.close();
    await api.ok("PATCH", older("a"), { spec: { text: "p q" } }, MERGE);
    await api.ok("POST", api.custom("texts"), custom("Text", "b", { spec: { words: ["b"] } }));
    const listed = await api.ok("GET", older());
    expect([namesOf(listed), (listed.items as { spec: unknown }[]).map(({ spec }) => spec)]).toEqual([
      ["a", "b"],
      [{ text: "p q" }, { text: "b" }],
    ]);
    await hook.close();
    await api.ok("POST", api.custom("texts"), custom("Text", "c", { spec: { words: ["c"] } }));
    const failed = await api.send("GET", older("c"));
    expect(failed.code).toBe(500);
    expect(failed.body.message).toContain("conversion webhook for contract.io/v1, Kind=Text failed: Post ");
  });

  it("refuses definitions that do not hold together", async () => {
    const refusals = async (schema: object, more: object = {}) => {
      const answer = await api
        .define("refusals", "Refusal", { spec: schema as Record<string, unknown> }, more as Record<string, unknown>)
        .then(
          () => "",
          (error: unknown) => String(error),
        );
      return answer;
    };
    const at = "spec.validation.openAPIV3Schema.properties[spec]";
    expect(await refusals({ type: "string", pattern: "(" })).toContain(`${at}.pattern: Invalid value`);
    expect(await refusals({})).toContain(`${at}.type: Required value`);
    expect(await refusals({ type: "object", "x-kubernetes-validations": [{ rule: "self.(" }] })).toContain(
      `${at}.x-kubernetes-validations[0].rule: Invalid value`,
    );
    expect(await refusals({ type: "object" }, { conversion: { strategy: "Webhook" } })).toContain(
      "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook, spec.conversion.conversionReviewVersions: Required value",
    );
    expect(await refusals({ type: "strange" })).toContain(`${at}.type: Unsupported value`);
    expect(await refusals({ type: "array" })).toContain(`${at}.items: Required value: must be specified`);
    expect(await refusals({ type: "string", default: 1 })).toContain(
      `${at}.default: Invalid value: \\"integer\\":  in body must be of type string`,
    );
  });
}
