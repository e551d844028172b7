import { expect, test } from 'vitest';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../listener/app.ts';
import { healthRoute } from './stats.ts';

test.for<[string, number]>([
  ['ok', 200],
  ['starting', 503],
])('a box that is %s answers %i to any client', async ([status, code]) => {
  const app = createHttpApp({ log: silentLogger });
  await app.register(healthRoute, { health: { status: () => status, isClaimed: false } });
  const answer = await app.inject({ url: '/health', remoteAddress: '203.0.113.5' });
  expect([answer.statusCode, answer.body]).toEqual([code, JSON.stringify({ status, claimed: false })]);
});
