import type { Result } from "#net";
import type { Negotiated } from "../agreement.ts";
import type { Notification } from "../packet/notification.ts";
import { checkUpdate, type UpdateFaults } from "../packet/update.ts";
import type { MessageCounts } from "./connection.ts";

/** What a peer announces: this speaker only originates, so it is checked, counted and dropped. */
export class Reception {
  private readonly count: MessageCounts;
  private readonly warn: (message: string) => void;
  /** The agreement of the session whose first fault was logged. */
  private told: Negotiated | null = null;

  constructor(count: MessageCounts, warn: (message: string) => void) {
    this.count = count;
    this.warn = warn;
  }

  /** The error is the NOTIFICATION to send. */
  update(body: Uint8Array, negotiated: Negotiated): Result<UpdateFaults, Notification> {
    this.count.updatesReceived++;
    const update = checkUpdate(body, negotiated);
    if (!update.ok) return update;
    const { treatAsWithdraw, discarded } = update.value;
    if (treatAsWithdraw !== null) this.count.updatesTreatedAsWithdraw++;
    if (discarded !== null) this.count.attributesDiscarded++;
    const fault = treatAsWithdraw ?? discarded;
    if (fault !== null && this.told !== negotiated) {
      this.told = negotiated;
      this.warn(`the peer sent a malformed UPDATE: ${fault}; further ones are counted`);
    }
    return update;
  }
}
