import { untilSpare } from './spare-processor.ts';

await untilSpare(Number(process.env['VITEST_POOL_ID']), Number(process.env['PERCH_TEST_WORKERS']));
