import { expect, onTestFinished, test } from 'vitest';
import {
  HOUR_MS,
  importOf,
  onCard,
  openDevice,
  openPath,
  recorded,
  START_MS,
} from '../../../../test/features/transfer/support/recorder-import.ts';
import { enlarge, filledCard } from '../../../../test/onvif-camera/card/filled-card.ts';
import { filesBelow, temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { testInZone } from '../../../../test/support/harness/time-zone.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import { FetchMark } from '../../../recordings/fetch-mark.ts';

testInZone('UTC');

test('each picture of a recorder comes once, with its time, and a repeated import takes nothing', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback, folder, seen } = openPath(camera);
  const [channel] = (await open()).channels;
  const group = channel?.key ?? '';
  const job = await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(job.channels).toEqual([{ path: 'yard', name: 'Camera', doneSeconds: 60, totalSeconds: 60 }]);
  expect(filesBelow(folder).filter((file) => file.includes('.import-'))).toEqual([]);
  const before = seen.bytes;
  await run(importOf(group));
  expect(seen.bytes).toBe(before);
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('within a piece the channel and the rest follow what comes, and an interruption keeps it', async () => {
  const { camera } = await openDevice();
  const { jobOf, go, open, seen } = openPath(camera);
  const job = jobOf(importOf((await open()).channels[0]?.key ?? ''));
  const stop = new AbortController();
  const doneSeconds = () => job.channels?.[0]?.doneSeconds ?? 0;
  seen.onBytes = () => {
    if (doneSeconds() >= 30) {
      stop.abort(new PerchError('unavailable', 'paused', { isPause: true }));
    }
  };
  await expect(go(job, stop.signal)).rejects.toThrow('paused');
  expect(doneSeconds()).toBeLessThan(40);
  expect(seen.doneBytes).toBe(seen.bytes);
  // At first the rate of an unknown recording is assumed.
  expect((seen.leftBytes[0] ?? 0) / 500_000).toBeCloseTo(60, 0);
  expect((seen.leftBytes.at(-1) ?? 0) / seen.bytes).toBeCloseTo(2, 0);
});

test('the chosen period is taken in whole groups, and what the path has stays as it is', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const us = (second: number) => (START_MS + second * 1_000) * 1_000;
  await run(importOf(group, { sinceUs: us(20.4), untilUs: us(30.6) }));
  expect(await recorded(playback)).toEqual(onCard(card, 21, 30));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('pictures that were imported prove nothing about the clock, where the path has another stream before them', async () => {
  // The path has the pictures of another hour.
  const other = filledCard({ fromMs: START_MS - HOUR_MS, seconds: 15 });
  other.units.push(...other.units.splice(0).map((unit) => ({ ...unit, unixMs: unit.unixMs + HOUR_MS })));
  const another = await openDevice({}, other);
  const { camera, card } = await openDevice();
  const { run, open, playback, left } = openPath(camera);
  const opened = await openPath(another.camera).open();
  const group = (await open()).channels[0]?.key ?? '';
  const us = (second: number) => (START_MS + second * 1_000) * 1_000;
  await run(importOf(opened.channels[0]?.key ?? ''), { open: async () => opened });
  await run(importOf(group, { sinceUs: us(30) }));
  await run(importOf(group));
  expect(left).toEqual([]);
  expect(await recorded(playback)).toEqual([...onCard(other), ...onCard(card, 15)]);
});

test('of several channels each goes to its own path, in pages of one, and one that is gone is left out', async () => {
  const span = (name: string, from: number, until: number) => ({
    ...{ name, fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
  });
  const cardChannels = [span('Yard', 0, 20), span('Gate', 10, 40), span('Gate 2', 30, 60)];
  const { camera, card } = await openDevice({ cardChannels, cardPage: 1 });
  const { run, open, playback, left } = openPath(camera);
  const { channels } = await open();
  expect(channels.map(({ name }) => name)).toEqual(['Gate', 'Gate 2', 'Yard']);
  const [gate, , yard] = channels.map(({ key }) => key);
  const items = [
    { group: yard ?? '', path: 'yard' },
    { group: gate ?? '', path: 'gate' },
    { group: 'source|gone', path: 'attic' },
  ];
  await run({ items, memory: {}, zoneMs: 0 });
  expect(await recorded(playback)).toEqual(onCard(card, 0, 20));
  expect(await recorded(playback, 'gate')).toEqual(onCard(card, 10, 40));
  expect(left).toMatchObject([{ file: 'gone', why: 'unreadable' }]);
});

test('an import stays with the recordings that it was begun with, where they overlap otherwise at the next listing', async () => {
  const span = (from: number, until: number) => ({
    ...{ name: 'Camera', fromMs: START_MS + from * 1_000, untilMs: START_MS + until * 1_000 },
  });
  const { camera, card } = await openDevice({ cardChannels: [span(0, 20), span(20, 40)] });
  const { run, open, playback, seen, left } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const stop = new AbortController();
  const ended = run(
    importOf(group),
    {
      recorder: () => {
        throw new PerchError('unavailable', 'it ends', { why: 'test' });
      },
    },
    stop.signal,
  );
  await expect(ended).rejects.toThrow('it ends');
  camera.state.quirks.cardChannels = [span(0, 40), span(0, 40), span(0, 60)];
  expect((await open()).channels.map(({ key }) => key)).not.toContain(group);
  await run(importOf(group, { memory: seen.kept }));
  expect(await recorded(playback)).toEqual(onCard(card, 0, 40));
  expect(left).toEqual([]);
});

test('an import that was interrupted goes on with what is missing', async () => {
  const { camera, card } = await openDevice({ replayBreaks: { afterPictures: 235, times: 1 } });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  await expect(run(importOf(group))).rejects.toMatchObject({ code: 'unavailable' });
  const whole = await recorded(playback);
  expect(whole.length % 10).toBe(0);
  expect(whole.length).toBeGreaterThan(100);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(seen.bytes).toBeLessThanOrEqual(card.units.reduce((sum, { data }) => sum + data.length, 0));
});

test('a pause keeps whole groups, and the memory says what was asked for', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback, seen } = openPath(camera);
  const group = (await open()).channels[0]?.key ?? '';
  const stop = new AbortController();
  const running = run(importOf(group), {}, stop.signal);
  await expect.poll(() => seen.bytes).toBeGreaterThan(0);
  stop.abort();
  await expect(running).rejects.toBe(stop.signal.reason);
  const whole = await recorded(playback);
  expect(whole).toEqual(onCard(card, 0, whole.length / 10));
  await run(importOf(group));
  expect(await recorded(playback)).toEqual(onCard(card));
  expect(seen.kept).toMatchObject({ askedUs: { [group]: (START_MS + 100 * whole.length) * 1_000 } });
  const asked = camera.operations.filter((one) => one === 'GetReplayUri').length;
  await run(importOf(group, { memory: seen.kept }));
  expect(camera.operations.filter((one) => one === 'GetReplayUri')).toHaveLength(asked);
});

test('groups of pictures above 32 MB are left out, and it says so', async () => {
  const { camera, card } = await openDevice();
  enlarge(card, START_MS + 20_000, START_MS + 21_000);
  const { run, open, playback, left } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''));
  expect(await recorded(playback)).toEqual([...onCard(card, 0, 20), ...onCard(card, 21)]);
  expect(left).toMatchObject([{ why: 'tooLarge', reason: expect.stringMatching(/^1 .* larger than 32 MB/) }]);
});

test('a place where the recorder breaks the connection is left out at the third time', async () => {
  const { camera } = await openDevice({ replayBreaks: { afterPictures: 5, times: 100 } });
  const { jobOf, go, open, playback, left } = openPath(camera);
  const job = jobOf(importOf((await open()).channels[0]?.key ?? ''));
  await expect(go(job)).rejects.toMatchObject({ code: 'unavailable' });
  await expect(go(job)).rejects.toMatchObject({ code: 'unavailable' });
  await go(job);
  const reason = expect.stringContaining(`recorder ${new URL(camera.url).hostname}`);
  expect(left).toMatchObject([{ file: expect.stringMatching(/^Camera from .* until /), why: 'unreadable', reason }]);
  expect(await recorded(playback)).toEqual([]);
});

test('while a gap of the path is being filled, nothing is imported', async () => {
  const { camera, card } = await openDevice();
  const { run, open, playback } = openPath(camera);
  const asked: string[] = [];
  const claim = (path: string) => {
    asked.push(path);
    return asked.length > 1;
  };
  await run(importOf((await open()).channels[0]?.key ?? ''), { claim, release: (path) => void asked.push(`-${path}`) });
  expect([asked.slice(0, 2), asked.at(-1)]).toEqual([['yard', 'yard'], '-yard']);
  expect(await recorded(playback)).toEqual(onCard(card));
});

test('three imports into one path at once, of periods that overlap, take each picture once', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const [recordings, data] = [temporaryFolder(), temporaryFolder()];
  onTestFinished(() => data[Symbol.dispose]());
  const one = openPath(camera, recordings);
  const key = (await one.open()).channels[0]?.key ?? '';
  const importBy = async (by: 'page' | 'command', { run }: typeof one, sinceUs: number) => {
    const mark = new FetchMark(data.path, by, { clock: systemClock, log: silentLogger });
    const turns = { claim: (path: string) => mark.set(path), release: () => mark.clear() };
    await run({ ...importOf(key), sinceUs }, turns);
  };
  await Promise.all([
    importBy('command', one, START_MS * 1_000),
    importBy('page', openPath(camera, recordings), (START_MS + 10_000) * 1_000),
    importBy('command', openPath(camera, recordings), (START_MS + 20_000) * 1_000),
  ]);
  expect(await recorded(one.playback)).toEqual(onCard(card));
});

test('an import stops when another one fetches for its path, and continues after it', async () => {
  const { camera, card } = await openDevice({ replayPace: 20 });
  const { run, open, playback } = openPath(camera);
  let claims = 0;
  // Another one had it for two seconds.
  const claim = () => {
    claims += 1;
    return claims !== 2 && claims !== 3;
  };
  await run(importOf((await open()).channels[0]?.key ?? ''), { claim });
  expect(camera.operations.filter((one) => one === 'GetReplayUri').length).toBeGreaterThan(1);
  expect(await recorded(playback)).toEqual(onCard(card));
});
