import { expect, test } from 'vitest';
import {
  HOUR_MS,
  importOf,
  onCard,
  openDevice,
  openPath,
  recorded,
  SECONDS,
  START_MS,
} from '../../../../test/features/transfer/support/recorder-import.ts';

test('a disk without room for it is asked before anything comes, and while it comes', async () => {
  const { camera } = await openDevice({ replayPace: 10 });
  const { run, open, playback } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await expect(run(importOf(group), { room: async () => 0 })).rejects.toMatchObject({ context: { why: 'full' } });
  expect(camera.operations).not.toContain('GetReplayUri');
  let asked = 0;
  const room = async () => {
    asked += 1;
    return asked === 1 ? 1e12 : -1;
  };
  await expect(run(importOf(group), { room })).rejects.toMatchObject({ context: { why: 'full' } });
  expect((await recorded(playback)).length % 10).toBe(0);
});

test('where the usual rate has no room, the channel is measured, and a disk with room for what it has takes it', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const bytes = card.units.reduce((sum, { data }) => sum + data.length, 0);
  expect(bytes).toBeLessThan(SECONDS * 500_000);
  const full = run(importOf(group), { room: async () => bytes / 2, whenRoom: 'repeat the command' });
  await expect(full).rejects.toMatchObject({ message: expect.stringMatching(/; repeat the command$/) });
  expect(await recorded(playback)).toEqual([]);
  expect((seen.leftBytes.at(-1) ?? 0) / bytes).toBeCloseTo(1, 0);
  await run(importOf(group), { room: async () => 1.5 * bytes });
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('a piece stops at a whole group before the disk is full, and the rest comes when there is room', async () => {
  const { camera, card } = await openDevice({ replayPace: 10 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  // Another program takes the room that the piece had.
  let freeBytes = 1e12;
  seen.onBytes = () => {
    freeBytes = 1;
  };
  const room = async () => freeBytes;
  await expect(run(importOf(group), { room })).rejects.toMatchObject({ context: { why: 'full' } });
  const whole = await recorded(playback);
  expect(whole.length).toBeGreaterThan(0);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('recordings that the path would delete at once are not fetched', async () => {
  const { camera } = await openDevice();
  const { run, open, playback, settings } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await run(importOf(group), { settingsOf: () => ({ ...settings, recordDeleteAfterMs: HOUR_MS }) });
  expect(await recorded(playback)).toEqual([]);
});

test('what a person has deleted does not come back, nor while it comes', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const range = { startUs: (START_MS + 20_000) * 1_000, endUs: (START_MS + 60_000) * 1_000 };
  const deleted: (typeof range)[] = [];
  let tell: ((path: string) => Promise<void>) | undefined;
  const onDeleted = (listener: (path: string) => Promise<void>) => {
    tell = listener;
    return () => {
      tell = undefined;
    };
  };
  const running = run(importOf(group), { deleted: async () => deleted, onDeleted });
  await expect.poll(() => seen.bytes).toBeGreaterThan(0);
  deleted.push(range);
  await tell?.('gate');
  expect(tell).toBeDefined();
  await tell?.('yard');
  await running;
  expect(tell).toBeUndefined();
  const seconds = new Set((await recorded(playback)).map(([second]) => Math.floor(second)));
  expect(seconds.size).toBeLessThan(60);
  expect([...seconds].slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect((await recorded(playback)).slice(0, 200)).toEqual(onCard(card, 0, 20));
});

test('a recordMaxSize that is reached ends the import, since what is older would be deleted at once', async () => {
  const { camera } = await openDevice();
  const { run, open, left } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''), { limitRoom: () => 0 });
  expect(left).toMatchObject([{ why: 'old' }]);
  expect(camera.operations).not.toContain('GetReplayUri');
});
