// For `node --import`: the main thread does what the file named by LOOPS_WHEN says, as soon as it exists, and never answers again.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.LOOPS_WHEN;
// Not in programs that only start Perch.
if (file !== undefined && isMainThread && !process.argv[1]?.endsWith('start.mjs')) {
  setInterval(() => {
    if (existsSync(file)) {
      const kind = readFileSync(file, 'utf8');
      rmSync(file);
      while (kind === 'loop') {
        // A bug of Perch or of a package.
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
  }, 10).unref();
}
