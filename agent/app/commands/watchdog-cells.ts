/** Indices of the 32-bit integers that the main thread and the watchdog share. */
export const Cell = {
  /** Grows by one each second. */
  beats: 0,
  /** 1: a debugger may stop the main thread. */
  debugged: 1,
  unused: 2,
} as const;

export interface WatchdogWork {
  readonly shared: SharedArrayBuffer;
  readonly limitMs: number;
}
