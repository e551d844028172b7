// For `node --import`: throws an uncaught exception as soon as the file named by THROWS_WHEN exists, and removes that file first.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.THROWS_WHEN;
// Not in programs that only start Perch.
if (file !== undefined && isMainThread && !process.argv[1]?.endsWith('start.mjs')) {
  setInterval(() => {
    if (existsSync(file)) {
      const kind = readFileSync(file, 'utf8');
      rmSync(file);
      if (kind === 'rejection') {
        Promise.reject(new Error('an uncaught one for the test'));
      } else {
        throw new Error('an uncaught one for the test');
      }
    }
  }, 10).unref();
}
