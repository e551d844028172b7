import { makeHashesCheap } from '../../../support/base/cheap-hashes.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';
import { featuresWith } from '../../notify/support/features-with.ts';

/** A Perch of its own process, whose push messages go to a service of the test. Its environment is that of `startNotifyingServer`. */
makeHashesCheap();
const { PUSH_PORT, PUSH_CA = '', DATABASE_URL = '', DATA_DIR, MORE_CONFIG } = process.env;
const box = await openAdoptionHarness({}, MORE_CONFIG, {
  ...(DATA_DIR && { dataDir: DATA_DIR }),
  env: { PERCH_DATABASEURL: DATABASE_URL },
  features: featuresWith({
    https: { isAllowed: () => true, resolve: async () => ['127.0.0.1'], port: Number(PUSH_PORT), ca: PUSH_CA },
  }),
});
process.stdout.write(`Started ${JSON.stringify({ url: box.url, cookie: box.cookie })}\n`);
