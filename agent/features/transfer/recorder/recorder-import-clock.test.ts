import { expect, test } from 'vitest';
import {
  HOUR_MS,
  importOf,
  LOGIN,
  NEVER,
  onCard,
  openDevice,
  openPath,
  recorded,
} from '../../../../test/features/transfer/support/recorder-import.ts';
import { filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import { systemClock } from '../../../base/clock.ts';
import type { Config } from '../../../config/load/load.ts';
import { openRecorder } from './recorder-session.ts';

test('a recorder that states local time as UTC is dated right', async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const card = filledCard({ fromMs: nowMs - 20_000, seconds: 20 });
  card.isRecording = true;
  const { camera } = await openDevice({ cardZoneMs: 2 * HOUR_MS, timeZone: 'CET-1CEST,M3.5.0,M10.5.0' }, card);
  const { run, open, playback } = openPath(camera);
  const { channels, zoneMs } = await open();
  expect(zoneMs).toBe(2 * HOUR_MS);
  await run(importOf(channels[0]?.key ?? '', { zoneMs }));
  const hashes = (await recorded(playback)).map(([, hash]) => hash);
  expect(hashes).toEqual(onCard(card, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY).map(([, hash]) => hash));
  const [span] = await playback.spans('yard');
  expect(span?.startUs).toBe((nowMs - 20_000) * 1_000);
});

test('a recorder on motion whose last picture is hours old, and whose clock is right, has no zone', async () => {
  for (const [timeZone, agoHours] of [
    ['UTC0', 3],
    ['EST5EDT,M3.2.0,M11.1.0', 5],
  ] as const) {
    const card = filledCard({ fromMs: Date.now() - agoHours * HOUR_MS - 10_000, seconds: 10 });
    card.isRecording = true;
    const { camera } = await openDevice({ timeZone }, card);
    expect((await openPath(camera).open()).zoneMs).toBe(0);
  }
});

test('a zone that the clock of the recorder does not have is none, and one behind UTC shows while it records', async () => {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const card = filledCard({ fromMs: nowMs - 10_000, seconds: 10 });
  card.isRecording = true;
  const other = await openDevice({ cardZoneMs: 2 * HOUR_MS, timeZone: 'CST-8' }, card);
  expect((await openPath(other.camera).open()).zoneMs).toBe(0);
  const { camera } = await openDevice({ cardZoneMs: -5 * HOUR_MS, timeZone: 'EST5EDT,M3.2.0,M11.1.0' }, card);
  const opening = openPath(camera).open();
  await expect.poll(() => camera.operations.filter((one) => one === 'EndSearch').length).toBe(1);
  const last = card.units.findLast(({ track }) => track === 0);
  card.add({ ...(last as NonNullable<typeof last>), unixMs: nowMs + 1_000 });
  expect((await opening).zoneMs).toBe(-5 * HOUR_MS);
});

test('the clock error of a camera of this Perch is taken off', async () => {
  const { camera, card } = await openDevice({ clockOffsetMs: 3 * HOUR_MS });
  const { run, playback } = openPath(camera);
  const settings = { camera: { onvif: camera.url, ...LOGIN } };
  const withCamera = () => ({ paths: new Map([['door', { settings }]]) }) as unknown as Config;
  const opened = await openRecorder({ camera: 'door' }, { clock: systemClock, config: withCamera }, NEVER);
  expect(Math.abs(opened.zoneMs - 3 * HOUR_MS)).toBeLessThan(2_000);
  await run(importOf(opened.channels[0]?.key ?? '', { zoneMs: 3 * HOUR_MS }), { open: async () => opened });
  expect(await recorded(playback)).toEqual(onCard(card));
});
