import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { keepLogLines } from '../../../test/support/base/log-lines.ts';
import { SlowStop } from './slow-stop.ts';

test('a stop that takes longer than 8 s names the component, again every 8 s, and an ended one is silent', async () => {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const stop = new SlowStop({ clock, log });
  const { promise, resolve } = Promise.withResolvers<void>();
  const closing = stop.close('recordings', { close: () => promise });
  await clock.advance(7_999);
  expect(logged).toEqual([]);
  await clock.advance(8_001);
  resolve();
  await closing;
  stop.begin('RTSP server');
  await clock.advance(8_000);
  stop.end();
  await clock.advance(80_000);
  const line = (waitsFor: string, sinceMs: number) => ['warn', 'stopping takes long', { waitsFor, sinceMs }];
  expect(logged.map(([level, phrase, fields]) => [level, phrase, fields])).toEqual(
    expect.arrayContaining([
      line('recordings', 8_000),
      line('recordings', 16_000),
      line('RTSP server', 24_000),
      ['info', 'stopped', {}],
    ]),
  );
  expect(logged).toHaveLength(4);
});
