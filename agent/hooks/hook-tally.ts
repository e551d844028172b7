/** Counters of one hook, such as `runOnRead`. */
export interface HookTally {
  readonly hook: string;
  running: number;
  started: number;
  /** Number of commands that could not be started, or ended with a code other than 0 or by a signal. */
  failed: number;
  /** Number of commands that were not started because too many were running. */
  leftOut: number;
}

export class HookTallies {
  readonly #byHook = new Map<string, HookTally>();

  of(hook: string): HookTally {
    let tally = this.#byHook.get(hook);
    if (!tally) {
      tally = { hook, running: 0, started: 0, failed: 0, leftOut: 0 };
      this.#byHook.set(hook, tally);
    }
    return tally;
  }

  list(): readonly Readonly<HookTally>[] {
    return [...this.#byHook.values()];
  }
}
