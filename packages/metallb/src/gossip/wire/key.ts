/** SHA-256 of nothing: what MetalLB's way of deriving the key appends to the secret. */
const SHA256_OF_NOTHING = Uint8Array.of(
  0xe3,
  0xb0,
  0xc4,
  0x42,
  0x98,
  0xfc,
  0x1c,
  0x14,
  0x9a,
  0xfb,
  0xf4,
  0xc8,
  0x99,
  0x6f,
  0xb9,
  0x24,
  0x27,
  0xae,
  0x41,
  0xe4,
  0x64,
  0x9b,
  0x93,
  0x4c,
  0xa4,
  0x95,
  0x99,
  0x1b,
  0x78,
  0x52,
  0xb8,
  0x55,
);

/** The key of AES-256-GCM that MetalLB's speakers use: 32 octets. Null: the secret is empty, and nothing is encrypted. */
export function gossipKey(secret: string): Uint8Array | null {
  const octets = new TextEncoder().encode(secret);
  if (octets.length === 0) return null;
  const key = new Uint8Array(octets.length + SHA256_OF_NOTHING.length);
  key.set(octets);
  key.set(SHA256_OF_NOTHING, octets.length);
  return key.slice(0, 32);
}
