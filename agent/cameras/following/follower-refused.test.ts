import { expect, test, vi } from 'vitest';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { entryOf, openFollowing } from '../../../test/support/harness/following-harness.ts';
import { PerchError } from '../../base/errors.ts';

const seen = (assert: () => unknown) => vi.waitFor(assert, { timeout: 8_000, interval: 20 });

test('an address that cannot be saved is logged once and saved later', async () => {
  const { log, logged } = keepLogLines();
  let tries = 0;
  const revise = async () => {
    tries += 1;
    throw new PerchError('unavailable', 'perch.yml cannot be written');
  };
  const box = await openFollowing({ log, revise });
  const camera = await box.camera({ address: '127.0.41.6' });
  const follower = await box.follow(`paths:${entryOf('door', camera)}`);
  await camera.moveTo('127.0.41.16');
  follower.failed('door');
  await seen(async () => {
    await box.clock.advance(1_000);
    expect(tries).toBeGreaterThan(1);
  });
  const facts = { from: '127.0.41.6', to: '127.0.41.16', reason: 'perch.yml cannot be written' };
  await seen(() => expect(box.published).toEqual([{ type: 'camera', state: 'elsewhere', path: 'door', ...facts }]));
  expect(logged.filter(([level]) => level === 'warn')).toMatchObject([
    ['warn', expect.anything(), { paths: ['door'] }],
  ]);
});
