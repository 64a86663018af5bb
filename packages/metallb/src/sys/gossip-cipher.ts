import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { GossipCipher } from "#gossip";

const ALGORITHM = "aes-256-gcm";
const TAG = 16;

/** AES-256-GCM with one key of 32 octets. */
export const createGossipCipher = (key: Uint8Array): GossipCipher => ({
  seal(plain, nonce, additional) {
    const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(additional);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },
  open(sealed, nonce, additional) {
    if (sealed.length < TAG) return null;
    const decipher = createDecipheriv(ALGORITHM, key, nonce).setAAD(additional);
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - TAG)), decipher.final()]);
    } catch {
      return null;
    }
  },
  nonce: () => randomBytes(12),
});
