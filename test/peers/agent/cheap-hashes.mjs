// For `node --import`: Perch's hashes of passwords are as cheap as those in the test's own process.
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { makeHashesCheap } = await import('../../support/base/cheap-hashes.ts');
  makeHashesCheap();
}
