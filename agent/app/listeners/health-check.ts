/** The event loop was held up for so long at a time: no picture has moved meanwhile. */
const STUCK_MS = 5_000;
/** Or it is late by so much on average: pictures come, but late and in heaps. */
const OVERLOADED_MS = 500;

type Health = 'ok' | 'stuck' | 'not recording';

interface HealthFacts {
  /** How late the event loop was, over the last 10 to 20 seconds. */
  readonly loop: { readonly delay: { readonly meanMs: number; readonly maxMs: number } };
  /** `isRecordingBroken`: something should be recorded and cannot be. */
  readonly paths: { readonly isRecordingBroken: boolean };
  /** `isHeldUp`: what is being recorded waits for a disk that hangs. */
  readonly recordings: { readonly isHeldUp: boolean };
}

/**
 * One word for supervisors, judged by what media goes through. A camera that is away does not count: no restart brings it back.
 * No names, because everybody may ask.
 */
export function healthOf({ loop, paths, recordings }: HealthFacts): Health {
  const { meanMs, maxMs } = loop.delay;
  if (maxMs >= STUCK_MS || meanMs >= OVERLOADED_MS) {
    return 'stuck';
  }
  return paths.isRecordingBroken || recordings.isHeldUp ? 'not recording' : 'ok';
}
