import type { Clock } from '../clock.ts';

interface Writes {
  /** Number of bytes written since the start. */
  readonly writtenBytes: number;
  /** Number of written bytes that are not sent yet. */
  readonly queuedBytes: number;
}

/** Checks each second that queued bytes are sent. @param onStalled called when none was for `timeoutMs` @returns ends the watch */
export function watchWrites(clock: Clock, timeoutMs: number, writes: Writes, onStalled: () => void): () => void {
  let movedAtMs = clock.monoMs();
  let lastBytes = 0;
  return clock.eachSecond(() => {
    const nowMs = clock.monoMs();
    const { queuedBytes } = writes;
    const goneBytes = writes.writtenBytes - queuedBytes;
    if (queuedBytes === 0 || goneBytes !== lastBytes) {
      movedAtMs = nowMs;
      lastBytes = goneBytes;
    } else if (nowMs - movedAtMs >= timeoutMs) {
      onStalled();
    }
  });
}
