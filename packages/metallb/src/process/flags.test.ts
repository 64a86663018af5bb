import { describe, expect, it } from "vitest";
import { CONTROLLER_FLAGS, laterNotice, parseFlags, SPEAKER_FLAGS } from "./index.ts";

const read = (argv: readonly string[], env: Record<string, string> = {}) => parseFlags(CONTROLLER_FLAGS, argv, env);

function values(argv: readonly string[], env: Record<string, string> = {}) {
  const parsed = read(argv, env);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value.values;
}

function message(argv: readonly string[], env: Record<string, string> = {}): string {
  const parsed = read(argv, env);
  return parsed.ok ? "" : parsed.error.message;
}

describe("the grammar of Go's package flag", () => {
  it("takes a value after a space or an equals sign, with one dash or two", () => {
    for (const argv of [["-port", "1"], ["--port", "1"], ["-port=1"], ["--port=0x1"]])
      expect(values(argv).port).toBe(1);
  });
  it("gives a boolean its value by an equals sign only", () => {
    expect(values(["-webhook-http2"])["webhook-http2"]).toBe(true);
    expect(values(["--webhook-http2=false"])["webhook-http2"]).toBe(false);
    expect(values(["-webhook-http2", "-port", "5"]).port).toBe(5);
  });
  it("ends at -- and at the first word that is not a flag", () => {
    expect(values(["-port", "5", "--", "-port", "6"]).port).toBe(5);
    expect(values(["-port", "5", "x", "-port", "6"]).port).toBe(5);
  });
  it("counts the last of a repeated flag", () => {
    expect(values(["-port=5", "-port=6"]).port).toBe(6);
  });
  it("says what is wrong in Go's words", () => {
    expect(message(["--nope=1"])).toBe("flag provided but not defined: -nope");
    expect(message(["--constructor=1"])).toBe("flag provided but not defined: -constructor");
    expect(message(["-port"])).toBe("flag needs an argument: -port");
    expect(message(["-port", "x"])).toBe('invalid value "x" for flag -port: parse error');
    expect(message(["-webhook-http2=maybe"])).toBe('invalid boolean value "maybe" for -webhook-http2: parse error');
    expect(message(["---port=1"])).toBe("bad flag syntax: ---port=1");
    expect(message(["-port=70000"])).toContain("0 to 65535");
    expect(message(["-log-level=loud"])).toContain("one of all, debug");
  });
  it("tells help from an error", () => {
    const asked = read(["-h"]);
    expect(!asked.ok && asked.error.help && asked.error.usage).toContain("-webhook-secret string");
  });
});

describe("variables", () => {
  it("give the default; a flag wins; an empty one counts as absent", () => {
    expect(values([], { METALLB_NAMESPACE: "a" }).namespace).toBe("a");
    expect(values(["-namespace=b"], { METALLB_NAMESPACE: "a" }).namespace).toBe("b");
    expect(values([], { METALLB_POD_NAME: "" })["pod-name"]).toBe("");
  });
  it("are checked like flags", () => {
    const parsed = parseFlags(SPEAKER_FLAGS, [], { METALLB_BGP_DEBOUNCE_TIMEOUT: "0" });
    expect(!parsed.ok && parsed.error.message).toContain("METALLB_BGP_DEBOUNCE_TIMEOUT");
  });
});

it("names in one line the flags whose part comes later", () => {
  const parsed = parseFlags(SPEAKER_FLAGS, ["-frrk8s-secret-passthrough", "-port=1", "-frrk8s-namespace=x"], {});
  expect(parsed.ok && laterNotice(parsed.value.later)).toBe(
    "accepted without effect in this version: -frrk8s-namespace, -frrk8s-secret-passthrough",
  );
  expect(laterNotice([])).toBeNull();
});

it("has the defaults of upstream's controller and speaker", () => {
  const controller = values([]);
  expect([controller.port, controller["health-probe-port"], controller["log-level"]]).toEqual([9120, 17472, "info"]);
  const speaker = parseFlags(SPEAKER_FLAGS, [], {});
  expect(speaker.ok && speaker.value.values["bgp-debounce-timeout"]).toBe(3000);
});

it("ends with 2 for what Go refuses, with 1 for what the process refuses, and with 0 for help", () => {
  const code = (argv: readonly string[], table: typeof CONTROLLER_FLAGS | typeof SPEAKER_FLAGS = CONTROLLER_FLAGS) => {
    const parsed = parseFlags(table, argv, {});
    return parsed.ok ? null : parsed.error.exitCode;
  };
  expect([code(["--nope"]), code(["--port=x"]), code(["--help"])]).toEqual([2, 2, 0]);
  expect([code(["--webhook-mode=some"]), code(["--tls-min-version=1.3"])]).toEqual([1, 1]);
  expect(code(["--bgp-debounce-timeout=0"], SPEAKER_FLAGS)).toBe(1);
  expect(code(["--bgp-debounce-timeout=x"], SPEAKER_FLAGS)).toBe(2);
});
