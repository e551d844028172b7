import { untilSpare } from './spare-processor.ts';

const { VITEST_POOL_ID, PERCH_TEST_WORKERS, PERCH_TEST_IDLE } = process.env;
await untilSpare(Number(VITEST_POOL_ID), Number(PERCH_TEST_WORKERS), { idle: Number(PERCH_TEST_IDLE) });
