/** Detects a peer that takes nothing of what is queued for it. */
export class SendProgress {
  #sentBytes = 0;
  #changedMs: number;

  constructor(nowMs: number) {
    this.#changedMs = nowMs;
  }

  /** Called at intervals. @param sentBytes without the queued ones @returns whether none could be sent for `timeoutMs` */
  isStalled(sentBytes: number, queuedBytes: number, nowMs: number, timeoutMs: number): boolean {
    if (sentBytes !== this.#sentBytes || queuedBytes === 0) {
      this.#sentBytes = sentBytes;
      this.#changedMs = nowMs;
      return false;
    }
    return nowMs - this.#changedMs >= timeoutMs;
  }
}
