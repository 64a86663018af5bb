import type { Ip } from "#net";
import type { HeldAddress } from "./held-address.ts";

/** Addresses by what a packet carries: one lookup, whatever their number. */
export class AddressTable {
  private readonly v4 = new Map<number, HeldAddress>();
  private readonly v6 = new Map<bigint, HeldAddress>();

  get({ family, value }: Ip): HeldAddress | undefined {
    return family === 4 ? this.v4.get(Number(value)) : this.v6.get(value);
  }

  get4(value: number): HeldAddress | undefined {
    return this.v4.get(value);
  }

  get6(value: bigint): HeldAddress | undefined {
    return this.v6.get(value);
  }

  set(address: HeldAddress): void {
    const { family, value } = address.ip;
    if (family === 4) this.v4.set(Number(value), address);
    else this.v6.set(value, address);
  }

  delete({ family, value }: Ip): void {
    if (family === 4) this.v4.delete(Number(value));
    else this.v6.delete(value);
  }

  *all(): Generator<HeldAddress> {
    yield* this.v4.values();
    yield* this.v6.values();
  }
}
