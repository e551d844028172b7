import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { WALL } from '../../support/disks/recordings.ts';
import { openPlayback } from '../../support/harness/playback.ts';
import type { Figure } from '../measure/figure.ts';
import { recordHour } from './hour-recording.ts';

const HOURS = 8;
const ROUNDS = 3;
/** A minute for all hours. */
const SPEED = HOURS * 60;
/** Keeps the disk small: pictures that are not read need only their place in the tables. */
const MAX_BYTES = 500;

export const timeLapse: Figure = {
  name: 'time-lapse',
  unit: 's',
  goal: 3,
  isAbsolute: true,
  about: `${HOURS} h of 1080p as a time-lapse of a minute, to the last byte, with empty caches`,
  async measure(note) {
    const folder = mkdtempSync(join(tmpdir(), 'perch-lapse-'));
    try {
      for (let hour = 0; hour < HOURS; hour += 1) {
        await recordHour(folder, hour, MAX_BYTES);
      }
      await using playback = openPlayback(folder);
      const query = {
        path: 'cam',
        startUs: WALL * 1000,
        durationUs: HOURS * 3_600e6,
        format: 'mp4',
        speed: SPEED,
      } as const;
      const seconds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        playback.tables.clear();
        const startMs = performance.now();
        // Another download each time: none may be cached.
        const { file } = await playback.get({ ...query, startUs: query.startUs + round });
        const builtMs = performance.now();
        const { length } = await buffer(file.read(0, file.sizeBytes));
        seconds.push((performance.now() - startMs) / 1000);
        note(`${(length / 1e6).toFixed(0)} MB, first byte after ${(builtMs - startMs).toFixed(0)} ms`);
      }
      return seconds;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
