import { chai, vi } from 'vitest';
import { makeHashesCheap } from './cheap-hashes.ts';
import { compareBytesAtOnce } from './equal-bytes.ts';

makeHashesCheap();
compareBytesAtOnce();
// Chai's proxies report unknown names of assertions, as TypeScript does. They take a tenth of the time of tests with many assertions.
chai.config.useProxy = false;

/** On a busy machine a condition takes longer than the second that vitest waits. */
const MAX_WAIT_MS = 30_000;
const INTERVAL_MS = 20;
const { waitFor } = vi;
const waitLonger: typeof waitFor = (check, options) =>
  waitFor(check, {
    timeout: MAX_WAIT_MS,
    interval: INTERVAL_MS,
    ...(typeof options === 'number' ? { timeout: options } : options),
  });
// This file runs again for each file of tests in a worker.
if (waitFor.name !== waitLonger.name) {
  vi.waitFor = waitLonger;
}
