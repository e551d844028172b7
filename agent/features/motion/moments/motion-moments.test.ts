import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { PerchError } from '../../../base/errors.ts';
import { silentLogger } from '../../../base/log.ts';
import type { VideoRange } from '../../../playback/vod/recorded-video.ts';
import { MotionMoments } from './motion-moments.ts';

const FROM_S = Date.UTC(2026, 6, 1) / 1000;
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };
const NEVER = new Promise<never>(() => {});

/** Ten minutes of recordings at the beginning of each hour; `video` is what reading them does. */
function open(video: (path: string, range: VideoRange) => Promise<void>) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  const asked: string[] = [];
  const spans = async () =>
    Array.from({ length: 24 }, (_, hour) => ({ startUs: 1e6 * (FROM_S + 3600 * hour), durationUs: 600e6 }));
  const playback = {
    spans,
    async *video(path: string, range: VideoRange): AsyncGenerator<never, void> {
      asked.push(`${path} ${Math.round((range.fromUs / 1e6 - FROM_S) / 3600)}`);
      await video(path, range);
      yield* [];
    },
  };
  const recordings = { playback, isClockTrusted: true, stores: { isShared: (path: string) => path === 'of box' } };
  const host = { clock, log: silentLogger, recordings } as unknown as ConstructorParameters<typeof MotionMoments>[0];
  const rules = { sensitivity: 50, zones: [], masks: [], minSize: 0 };
  const moments = new MotionMoments(host, join(folder.path, 'motion.db'), () => rules);
  onTestFinished(async () => {
    const closed = moments.close();
    clock.advance(10_000);
    await closed;
    folder[Symbol.dispose]();
  });
  return { moments, asked, clock };
}

const hours = (from: number, to: number) => ({ fromS: FROM_S + 3600 * from, toS: FROM_S + 3600 * to });

test('the recordings of a period are read once, stretch by stretch; one on a missing disk does not hold up the others', async () => {
  const { moments, asked } = open(async (_, { fromUs }) => {
    if (fromUs < 1e6 * (FROM_S + 1800)) {
      throw new PerchError('unavailable', 'the disk is missing');
    }
  });
  expect(await moments.find('door', hours(0, 3), WHOLE)).toMatchObject({ unreadSeconds: 1800, unreadableSeconds: 0 });
  moments.read('door', hours(0, 3), 'ann');
  moments.read('door', hours(1, 2), 'bob');
  await vi.waitFor(async () => expect((await moments.find('door', hours(0, 3), WHOLE)).progress).toBeUndefined());
  expect(asked).toEqual(['door 0', 'door 1', 'door 2']);
  // Nothing could be read.
  expect(await moments.find('door', hours(0, 3), WHOLE)).toMatchObject({
    unreadSeconds: 1800,
    unreadableSeconds: 1800,
  });
  expect(await moments.find('door', hours(0, 1), WHOLE)).toMatchObject({ unreadSeconds: 600, unreadableSeconds: 600 });
});

test('a new search of a person replaces the one that waits, and the ninth search is refused', async () => {
  const { moments, asked } = open(() => NEVER);
  moments.read('door', hours(0, 1), 'ann');
  moments.read('yard', hours(1, 2), 'ann');
  moments.read('yard', hours(2, 3), 'ann');
  expect((await moments.find('yard', hours(1, 2), WHOLE)).progress).toBeUndefined();
  expect((await moments.find('yard', hours(2, 3), WHOLE)).progress).toBe(0);
  for (let person = 0; person < 6; person += 1) {
    moments.read('yard', hours(3 + person, 4 + person), `guest ${person}`);
  }
  expect(() => moments.read('yard', hours(12, 13), 'bob')).toThrow('8 searches in recordings are running');
  await vi.waitFor(() => expect(asked).toEqual(['door 0']));
});

test('recordings of a camera of another box are not searched here', async () => {
  const { moments } = open(async () => {});
  const message = 'recordings of a camera of another box are searched on that box';
  await expect(moments.find('of box', hours(0, 1), WHOLE)).rejects.toThrow(message);
  expect(() => moments.read('of box', hours(0, 1), '')).toThrow(message);
});
