/** How long the writes, or the flushes, of a disk take, in milliseconds. */
export class DiskTimes {
  count = 0;
  totalMs = 0;
  lastMs = 0;
  /** Since the start. */
  maxMs = 0;

  add(ms: number): void {
    this.count += 1;
    this.totalMs += ms;
    this.lastMs = ms;
    this.maxMs = Math.max(this.maxMs, ms);
  }
}
