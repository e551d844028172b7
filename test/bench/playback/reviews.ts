import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../agent/base/log.ts';
import { Playback } from '../../../agent/playback/playback.ts';
import { reviewQuery } from '../../../agent/playback/read/query.ts';
import { random } from '../../support/base/random.ts';
import { record } from '../../support/disks/recordings.ts';
import type { Figure } from '../measure/figure.ts';

const CAMERAS = 12;
const EVENTS = 400;
const DAYS = 30;
const DAY_MS = 86_400_000;
const FROM_MS = Date.UTC(2026, 6, 1);

/** Twelve cameras in three groups, each with 24 recordings of the day; 400 events a day for a month. */
async function measure(): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'perch-reviews-'));
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
  try {
    for (let camera = 0; camera < CAMERAS; camera += 1) {
      for (let hour = 0; hour < 24; hour += 1) {
        await record(folder, 20, { path: `cam${camera}`, wall: FROM_MS + hour * 3_600_000 });
      }
    }
    const next = random(5);
    for (let i = 0; i < EVENTS * DAYS; i += 1) {
      // Half of them within 20 s of a recording's begin, as with `record: motion`.
      const at = i % 2 ? next() * DAY_MS : Math.floor(next() * 24) * 3_600_000 + next() * 20_000;
      const startUs = 1000 * Math.round(FROM_MS - Math.floor(i / EVENTS) * DAY_MS + at);
      const endUs = startUs + Math.round(next() * 20e6);
      const path = `cam${Math.floor(next() * CAMERAS)}`;
      playback.events.addEvent({
        id: `e${i}`,
        path,
        type: next() < 0.3 ? 'person' : 'motion',
        startUs,
        endUs,
        text: '',
      });
    }
    const scope = {
      maySee: () => true,
      groupOf: (path: string) => `group ${path.length + (path.charCodeAt(3) % 2)}`,
      mainOf: () => undefined,
      isElsewhere: () => false,
      seen: undefined,
    };
    const request = {
      ...{ from: new Date(FROM_MS).toISOString(), to: new Date(FROM_MS + DAY_MS).toISOString(), limit: '200' },
      ...{ path: undefined, types: undefined, hours: undefined, unseen: undefined },
    };
    const times: number[] = [];
    for (let run = 0; run < 11; run += 1) {
      const startMs = performance.now();
      let [before, events]: [string | undefined, number] = [undefined, 0];
      do {
        const page = await playback.listReviews(reviewQuery({ ...request, before }), scope);
        events += page.items.reduce((sum, { eventCount }) => sum + eventCount, 0);
        before = page.next ?? undefined;
      } while (before !== undefined);
      times.push(performance.now() - startMs);
      if (Math.abs(events - EVENTS) > 5) {
        throw new Error(`the cards of the day have ${events} events`);
      }
    }
    return times;
  } finally {
    await playback.close();
    rmSync(folder, { recursive: true });
  }
}

export const reviewsDay: Figure = {
  name: 'reviews-day',
  unit: 'ms',
  goal: 100,
  isAbsolute: true,
  about: 'cards with pictures of a day with 400 events of twelve cameras, all pages',
  measure: () => measure(),
};
