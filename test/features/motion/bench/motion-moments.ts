import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../../agent/base/log.ts';
import { CELL_BYTES } from '../../../../agent/features/motion/detection/moved-cells.ts';
import { MotionMoments } from '../../../../agent/features/motion/moments/motion-moments.ts';
import { MovedTable } from '../../../../agent/features/motion/moments/moved-table.ts';
import { Playback } from '../../../../agent/playback/playback.ts';
import type { Figure } from '../../../bench/measure/figure.ts';
import { FakeClock } from '../../../support/base/fake-clock.ts';
import { random } from '../../../support/base/random.ts';
import { record } from '../../../support/disks/recordings.ts';

const HOURS = 24;
const HOUR_S = 3_600;
const DAY_S = HOURS * HOUR_S;
const FROM_S = Date.UTC(2026, 6, 1) / 1000;
const SEARCHES = 20;

/** A street: in each second something moves in a fifth of the picture. */
async function measure(): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-moments-'));
  const recordPath = join(folder, '%path/%Y-%m-%d_%H-%M-%S-%f');
  const playback = new Playback({
    file: join(folder, 'segments.db'),
    paths: {
      recordPathOf: () => ({ recordPath, format: 'fmp4' }),
      recordPaths: () => [recordPath],
      hasRecorded: () => false,
    },
    logger: silentLogger,
    zone: 'UTC',
  });
  const host = {
    clock: new FakeClock(),
    log: silentLogger,
    recordings: { playback, stores: { isShared: () => false } },
  };
  const rules = { sensitivity: 50, zones: [], masks: [], minSize: 0 };
  const moments = new MotionMoments(host as unknown as MomentsHost, join(folder, 'motion.db'), () => rules);
  try {
    for (let hour = 0; hour < HOURS; hour += 1) {
      const wall = 1000 * (FROM_S + hour * HOUR_S);
      await record(folder, HOUR_S, { wall, gop: 20, segmentDurationMs: 2000 * HOUR_S });
    }
    const next = random(5);
    const table = new MovedTable(join(folder, 'motion.db'), () => {});
    const writer = table.open('cam');
    const bits = new Uint8Array(CELL_BYTES);
    for (let second = 0; second < DAY_S; second += 1) {
      for (let i = 0; i < CELL_BYTES; i += 1) {
        bits[i] = next() < 0.2 ? Math.floor(256 * next()) : 0;
      }
      writer.add(FROM_S + second, bits);
    }
    table.close();
    const times: number[] = [];
    for (let search = 0; search < SEARCHES; search += 1) {
      const box = { x: 0.8 * next(), y: 0.8 * next(), width: 0.2, height: 0.2 };
      const startMs = performance.now();
      await moments.find('cam', { fromS: FROM_S, toS: FROM_S + DAY_S }, box);
      times.push(performance.now() - startMs);
    }
    return times;
  } finally {
    await moments.close();
    await playback.close();
    rmSync(folder, { recursive: true });
  }
}

type MomentsHost = ConstructorParameters<typeof MotionMoments>[0];

export const motionMoments: Figure = {
  name: 'motion-moments',
  unit: 'ms',
  goal: 300,
  isAbsolute: true,
  about: 'time to find when something moved in a box on a day of a busy street',
  measure: () => measure(),
};
