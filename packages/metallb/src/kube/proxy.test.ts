import { describe, expect, it } from "vitest";
import { proxyFor } from "./proxy.ts";

const SERVER = "https://api.example.com:6443";
const PROXY = "http://proxy:3128";
const found = (server: string, env: Readonly<Record<string, string>>, given: string | null = null) => {
  const proxy = proxyFor(server, given, env);
  return proxy.ok ? proxy.value : proxy.error;
};

describe("the proxy of the environment, as Go has it", () => {
  it.each<[string, string, Record<string, string>, string | null]>([
    ["none", SERVER, {}, null],
    ["for https", SERVER, { HTTPS_PROXY: PROXY, HTTP_PROXY: "http://other:1" }, PROXY],
    ["for http", "http://api", { HTTPS_PROXY: "http://other:1", HTTP_PROXY: PROXY }, PROXY],
    ["none for https in that for http", SERVER, { HTTP_PROXY: PROXY }, null],
    ["small letters", SERVER, { https_proxy: PROXY }, PROXY],
    ["capital letters first", SERVER, { HTTPS_PROXY: PROXY, https_proxy: "http://other:1" }, PROXY],
    ["what is empty does not count", SERVER, { HTTPS_PROXY: "", https_proxy: PROXY }, PROXY],
    ["without a scheme", SERVER, { HTTPS_PROXY: "proxy:3128" }, PROXY],
    ["of SOCKS", SERVER, { HTTPS_PROXY: "socks5://u:p@proxy:1" }, "socks5://u:p@proxy:1"],
    ["of SOCKS, names resolved there", SERVER, { HTTPS_PROXY: "socks5h://proxy" }, "socks5h://proxy"],
    ["bogus", SERVER, { HTTPS_PROXY: "::" }, null],
    ["never for localhost", "https://localhost:1", { HTTPS_PROXY: PROXY }, null],
    ["never for 127.0.0.0/8", "https://127.9.9.9:1", { HTTPS_PROXY: PROXY }, null],
    ["never for ::1", "https://[::1]:1", { HTTPS_PROXY: PROXY }, null],
  ])("%s", (_, server, env, expected) => {
    expect(found(server, env)).toBe(expected);
  });

  it("is refused by name where it cannot be used", () => {
    expect(found(SERVER, { HTTPS_PROXY: "ftp://proxy" })).toBe("HTTPS_PROXY: a proxy of the kind ftp is not supported");
  });

  it("does not count where the kubeconfig names one, which is gone through to loopback too", () => {
    const env = { HTTPS_PROXY: "http://other:1", NO_PROXY: "*" };
    expect(found("https://127.0.0.1:1", env, "socks5://proxy")).toBe("socks5://proxy");
    expect(found(SERVER, env, "socks5h://proxy")).toContain('not "socks5h"');
    expect(found(SERVER, env, "proxy")).toContain("only http, https and socks5");
  });
});

describe("NO_PROXY", () => {
  const NAME = "https://api.example.com:6443";
  const FOUR = "https://10.96.0.1";
  const SIX = "https://[fd00::1]:6443";
  it.each<[list: string, server: string, exempt: boolean]>([
    ["api.example.com", NAME, true],
    ["example.com", NAME, true],
    ["EXAMPLE.com", NAME, true],
    [".example.com", NAME, true],
    ["*.example.com", NAME, true],
    [".api.example.com", NAME, false],
    ["*.api.example.com", NAME, false],
    ["ample.com", NAME, false],
    ["com", NAME, true],
    ["api.example.com:6443", NAME, true],
    ["api.example.com:443", NAME, false],
    [".example.com:6443", NAME, true],
    [" other , example.com ", NAME, true],
    ["", NAME, false],
    [",,:6443", NAME, false],
    ["*", NAME, true],
    ["other,*", FOUR, true],
    ["10.96.0.1", FOUR, true],
    ["10.96.0.1:443", FOUR, true],
    ["10.96.0.1:6443", FOUR, false],
    ["10.96.0.0/12", FOUR, true],
    ["10.99.7.7/12", FOUR, true],
    ["10.112.0.0/12", FOUR, false],
    ["::ffff:10.96.0.1", FOUR, true],
    ["0.0.0.0/0", NAME, false],
    ["0.1", FOUR, true],
    [".0.1", FOUR, true],
    ["fd00::/8", SIX, true],
    ["fe80::/10", SIX, false],
    ["fd00:0::1", SIX, true],
    ["[fd00::1]:6443", SIX, true],
    ["[fd00::1]:443", SIX, false],
    ["10.96.0.0/99", FOUR, false],
  ])("%s: %s %s", (list, server, exempt) => {
    for (const name of ["NO_PROXY", "no_proxy"])
      expect(found(server, { HTTPS_PROXY: PROXY, [name]: list })).toBe(exempt ? null : PROXY);
  });
});
