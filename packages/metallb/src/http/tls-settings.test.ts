import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { readTlsSettings, tlsOptions } from "./tls-settings.ts";

const read = (minVersion: string, suites: string, curves: string) =>
  readTlsSettings({ "tls-min-version": minVersion, "tls-cipher-suites": suites, "tls-curve-preferences": curves });

const ALL =
  "TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";

describe("the flags of TLS", () => {
  it("offer TLS 1.3 alone unless told", () => {
    expect(read("", "", "")).toEqual({ ok: true, value: { minVersion: "TLSv1.3", ciphers: null, curves: null } });
    expect(tlsOptions()).toEqual({ minVersion: "TLSv1.3" });
  });

  it("are put into OpenSSL's words, which it takes", () => {
    const settings = read("VersionTLS12", ALL, "4588,29,23,24,25");
    if (!settings.ok) throw new Error(settings.error);
    expect(settings.value).toEqual({
      minVersion: "TLSv1.2",
      ciphers: "AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305",
      curves: "X25519MLKEM768:X25519:P-256:P-384:P-521",
    });
    createSecureContext(tlsOptions(settings.value));
  });

  it.each([
    ["", ALL, "", "cannot be configured with TLS 1.3"],
    ["VersionTLS12", "TLS_NULL", "", "TLS_NULL is not a cipher suite"],
    ["VersionTLS12", "constructor", "", "constructor is not a cipher suite"],
    ["", "", "x", "x is not a number"],
    ["", "", "0", "0 is not a number"],
    ["", "", "-1", "-1 is not a number"],
    ["", "", "65536", "65536 is not a number"],
    ["", "", "29,29", "29 is there twice"],
    ["", "", "7", "7 is not a curve"],
  ])("are refused in words: %s %s %s", (version, suites, curves, words) => {
    const settings = read(version, suites, curves);
    expect(settings.ok ? "" : settings.error).toContain(words);
  });
});
