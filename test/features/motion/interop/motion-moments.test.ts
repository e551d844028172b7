import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { silentLogger } from '../../../../agent/base/log.ts';
import { MotionMoments } from '../../../../agent/features/motion/moments/motion-moments.ts';
import { StreamMotion } from '../../../../agent/features/motion/stream-motion.ts';
import { Playback } from '../../../../agent/playback/playback.ts';
import { Stream } from '../../../../agent/stream/stream.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { startRecorder, temporaryFolder, WALL } from '../../../support/disks/recordings.ts';
import { configOf } from '../../../support/harness/servers/path-table-of.ts';
import { AFTER_S, BEFORE_S, FPS, TICKS, WALK_S, walk } from '../support/walk.ts';

const RULES = { sensitivity: 50, zones: [], masks: [], minSize: 0 };
const FROM_S = WALL / 1000;
const FILM_S = BEFORE_S + WALK_S + AFTER_S;
const PERIOD = { fromS: FROM_S, toS: FROM_S + FILM_S };
/** Left and right half of the walk's way, and what is above it. */
const LEFT = { x: 0, y: 0.4, width: 0.4, height: 0.4 };
const RIGHT = { x: 0.6, y: 0.4, width: 0.4, height: 0.4 };
const ABOVE = { x: 0, y: 0, width: 1, height: 0.2 };

describeWith(['ffmpeg'], 'moments of motion in a part of the picture', () => {
  test.for([
    ['h264', 3_600_000],
    ['h265', 3_600_000],
    // Its second file begins a second before the walk.
    ['h264', 1000 * (BEFORE_S - 1)],
  ] as const)(
    '%s in files of %i ms: the same are found while a camera is recorded and in its recordings',
    async ([codec, segmentDurationMs]) => {
      using folder = temporaryFolder();
      const { track, pictures } = await walk(codec);
      await using running = startRecorder(folder.path, { segmentDurationMs }, [track]);
      const clock = new FakeClock();
      const playback = new Playback({
        file: join(folder.path, 'segments.db'),
        paths: {
          recordPathOf: (name) =>
            name === 'cam'
              ? { recordPath: join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f'), format: 'fmp4' }
              : undefined,
          recordPaths: () => [join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f')],
          hasRecorded: () => false,
        },
        logger: silentLogger,
        zone: 'UTC',
      });
      onTestFinished(() => playback.close());
      const host = {
        clock,
        log: silentLogger,
        recordings: { playback, isClockTrusted: true, stores: { isShared: () => false } },
      } as unknown as ConstructorParameters<typeof MotionMoments>[0];
      const openMoments = (name: string) => {
        const moments = new MotionMoments(host, join(folder.path, name), () => RULES);
        onTestFinished(() => moments.close());
        return moments;
      };
      const [live, later] = [openMoments('live.db'), openMoments('later.db')];
      const config = configOf('  cam: {motionSource: stream, motionMasks: ["0,0 1,0 1,1 0,1"]}');
      const stream = new Stream([track]);
      const watching = {
        clock,
        recordings: { isClockTrusted: true },
        config: () => config,
        settings: () => config,
        log: silentLogger,
        paths: { openStreams: () => [['cam', stream]] },
        examines: () => [],
        isTurning: () => false,
      } as unknown as ConstructorParameters<typeof StreamMotion>[0];
      const motion = new StreamMotion(watching, async () => live);
      motion.apply();
      await vi.dynamicImportSettled();
      for (const [i, data] of pictures.entries()) {
        const pts = i * TICKS;
        const sample = { pts, dts: pts, wall: WALL + (1000 * i) / FPS, key: i % FPS === 0, data };
        stream.write(0, sample);
        running.stream.write(0, sample);
      }
      motion.close();
      running.stream.close();
      await running.recorder.stop();

      const found = await live.find('cam', PERIOD, LEFT);
      // The first pictures are learnt.
      expect(found.unreadSeconds).toBeLessThan(4);
      expect(found).toMatchObject({ isCut: false, progress: undefined });
      const [moment] = found.moments;
      expect(found.moments).toHaveLength(1);
      // In a mask, too: masks are for events.
      expect(moment?.startS).toBeGreaterThanOrEqual(FROM_S + BEFORE_S);
      expect(moment?.startS).toBeLessThanOrEqual(FROM_S + BEFORE_S + 1);
      expect((moment?.startS ?? 0) + (moment?.seconds ?? 0)).toBeLessThanOrEqual(FROM_S + BEFORE_S + 4);
      const right = await live.find('cam', PERIOD, RIGHT);
      expect(right.moments[0]?.startS).toBeGreaterThan(moment?.startS ?? 0);
      expect((await live.find('cam', PERIOD, ABOVE)).moments).toEqual([]);

      expect(await later.find('cam', PERIOD, LEFT)).toMatchObject({ moments: [], unreadSeconds: FILM_S });
      later.read('cam', PERIOD, '');
      expect(await later.find('cam', PERIOD, LEFT)).toMatchObject({ progress: expect.any(Number) });
      await vi.waitFor(async () => {
        clock.advance(1000);
        expect(await later.find('cam', PERIOD, LEFT)).toMatchObject({ progress: undefined });
      }, 10_000);
      // Behind a mask fewer pictures are read, so that shares differ.
      for (const [box, { moments }] of [
        [LEFT, found],
        [RIGHT, right],
      ] as const) {
        const expected = moments.map(({ startS, seconds }) => expect.objectContaining({ startS, seconds }));
        expect((await later.find('cam', PERIOD, box)).moments).toEqual(expected);
      }
    },
  );
});
