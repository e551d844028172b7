import { leave } from './leave.ts';

/** The terminal, npm and start.sh each deliver one Ctrl-C. */
const SAME_MS = 3_000;
const INTERRUPTED_CODE = 130;

/** Calls `stop` at the first SIGINT or SIGTERM. Those of the next seconds are taken to be the same one; a later one exits at once. */
export function onStopSignal(stop: () => void): void {
  let firstMs: number | undefined;
  const onSignal = () => {
    const nowMs = performance.now();
    if (firstMs === undefined) {
      firstMs = nowMs;
      stop();
    } else if (nowMs - firstMs > SAME_MS) {
      leave(INTERRUPTED_CODE);
    }
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
