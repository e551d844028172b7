import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { ViewerLog } from './viewer-log.ts';

const viewer = { path: 'cam', session: 'a', remote: '192.0.2.1:5', user: '', protocol: 'mse' };

test('a viewer is logged when it connects and when it leaves', () => {
  const { log, logged } = keepLogLines();
  const viewers = new ViewerLog(log, new FakeClock());
  viewers.opened({ ...viewer, user: 'ann' });
  viewers.ended(viewer, 'closed by the viewer', 7);
  const facts = { path: 'cam', session: 'a', remote: '192.0.2.1:5', protocol: 'mse' };
  expect(logged).toEqual([
    ['info', 'HLS viewer is connected', { ...facts, user: 'ann' }],
    ['info', 'HLS viewer has left', { ...facts, reason: 'closed by the viewer', sentBytes: 7 }],
  ]);
});

test('a thousand viewers at once are fifty lines and a count of the rest', async () => {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const viewers = new ViewerLog(log, clock);
  for (let i = 0; i < 1000; i += 1) {
    viewers.opened(viewer);
  }
  viewers.ended(viewer, 'closed by the viewer', 0);
  expect(logged.length).toBe(50);
  await clock.advance(10_000);
  expect(logged.slice(50)).toEqual([['info', 'more HLS viewers have connected and left', { opened: 950, ended: 1 }]]);
  viewers.opened(viewer);
  expect(logged.length).toBe(52);
  await clock.advance(60_000);
  expect([logged.length, clock.sleeping]).toEqual([52, 0]);
});
