import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { OfflineWatch } from './offline-watch.ts';

function open() {
  const clock = new FakeClock();
  const door: { name: string; ready: boolean; sourceState: string | null } = {
    ...{ name: 'door', ready: true, sourceState: 'running' },
  };
  const reported: string[] = [];
  const watch = new OfflineWatch({ clock, paths: () => [door], onOffline: (path) => reported.push(path) });
  return { clock, door, reported, watch };
}

test('a camera that is away for two minutes is reported once, and again after it was back', async () => {
  const { clock, door, reported, watch } = open();
  await clock.advance(10_000);
  Object.assign(door, { ready: false, sourceState: 'waiting' });
  await clock.advance(60_000);
  door.sourceState = 'running';
  await clock.advance(60_000);
  expect(reported).toEqual([]);
  await clock.advance(600_000);
  expect(reported).toEqual(['door']);
  door.ready = true;
  await clock.advance(10_000);
  door.ready = false;
  await clock.advance(130_000);
  expect(reported).toEqual(['door', 'door']);
  watch.close();
  expect(clock.sleeping).toBe(0);
});

test.for(['stopped', 'disabled', null])('a path whose source is %s is not offline', async (sourceState) => {
  const { clock, door, reported } = open();
  await clock.advance(10_000);
  Object.assign(door, { ready: false, sourceState });
  await clock.advance(600_000);
  expect(reported).toEqual([]);
});

test('a camera that was not connected since the start is not reported', async () => {
  const { clock, door, reported } = open();
  door.ready = false;
  await clock.advance(600_000);
  expect(reported).toEqual([]);
});
