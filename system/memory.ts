import { setFlagsFromString } from 'node:v8';

/**
 * By how much V8's heap grows before V8 collects it, in percent of what is in use. A smaller share takes CPU time: a tenth of that of a start,
 * a hundredth of that of HLS with 40 players (`hls-memory`), where it saves 10 MB.
 */
const HEAP_GROWING_PERCENT = { start: 100, media: 50 };

/**
 * Calls after which V8 optimizes a function, and calls it waits after a new kind of value (V8's defaults: 400,
 * 100, 3000, 500 and 500). Optimized code is never freed, so a function called a few times a minute (a viewer joins, a camera returns) must
 * be optimized within minutes, or the heap keeps growing: by 6 % instead of 2 % in the soak test's last 25 minutes.
 */
export const CALLS_FOR_MEDIA = {
  'invocation-count-for-maglev': 50,
  'invocation-count-for-maglev-osr': 15,
  'invocation-count-for-turbofan': 750,
  'invocation-count-for-osr': 125,
  'minimum-invocations-after-ic-update': 50,
};

/**
 * Ten times V8's own and more: nothing that only runs at the start is optimized, and an idle box has 8 MB less (`footprint-idle`), most
 * of it pages of V8's compilers.
 */
export const CALLS_WITHOUT_MEDIA = {
  'invocation-count-for-maglev': 40_000,
  // Node loads the parts of the program with loops over the characters of their paths.
  'invocation-count-for-maglev-osr': 100_000,
  'invocation-count-for-turbofan': 30_000,
  'invocation-count-for-osr': 5_000,
};

/** V8's own, which `CALLS_FOR_MEDIA` changes. */
const CALLS_BY_ITSELF = { 'minimum-invocations-after-ic-update': 500 };

export type Flags = Readonly<Record<string, number>>;

let present: Flags = {};

/** Set by `run` for Node only: its memory comes from one arena, and free memory at the arena's end returns to the system. */
const OWN_SETTINGS = ['MALLOC_ARENA_MAX', 'MALLOC_TRIM_THRESHOLD_'];

/** Called by a long-running process before it loads its other modules. @param env of the programs that it starts */
export function saveMemory(env: NodeJS.ProcessEnv = process.env): void {
  setFlags({ 'heap-growing-percent': HEAP_GROWING_PERCENT.start, ...CALLS_WITHOUT_MEDIA, ...CALLS_BY_ITSELF });
  for (const name of OWN_SETTINGS) {
    delete env[name];
  }
}

/** V8's flags that Perch has set. */
export const presentFlags = (): Flags => present;

/** Called before the first packet: V8 keeps the former counts for functions that have already run. */
export const optimizeForMedia = (): void =>
  setFlags({ 'heap-growing-percent': HEAP_GROWING_PERCENT.media, ...CALLS_FOR_MEDIA });

export function setFlags(flags: Flags): void {
  present = flags;
  for (const [name, value] of Object.entries(flags)) {
    setFlagsFromString(`--${name}=${value}`);
  }
}
