import { join } from 'node:path';
import { silentLogger } from '../../../agent/base/log.ts';
import { Playback } from '../../../agent/playback/playback.ts';
import { parseRfc3339 } from '../../../agent/playback/read/rfc3339.ts';
import { TEMPLATE } from '../../support/harness/playback.ts';
import { FIRST_MS } from './long-history.ts';

/** A fresh process that asks one question and says how long it took, how many entries it got, and by how much it has grown. */
const [folder = '', what = ''] = process.argv.slice(2);
const DAY_MS = 86_400_000;
const at = (ms: number) => parseRfc3339(new Date(FIRST_MS + ms).toISOString());
const started = { rss: process.memoryUsage.rss(), ms: performance.now() };
const recordPath = join(folder, TEMPLATE);
const paths = {
  recordPathOf: () => ({ recordPath, format: 'fmp4' as const }),
  recordPaths: () => [recordPath],
  hasRecorded: () => false,
};
const playback = new Playback({ file: join(folder, 'segments.db'), logger: silentLogger, paths });
const from = at(100 * DAY_MS);
const to = at((what === 'day' ? 101 : 130) * DAY_MS);
let count = 0;
if (what === 'timeline' && from && to) {
  count = (await playback.timeline({ path: 'cam7', from, to, resolution: undefined })).coverage.length;
} else {
  const isDay = what === 'day';
  count = (await playback.list('cam7', isDay ? from : undefined, isDay ? to : undefined, 'http://box')).length;
}
const ms = performance.now() - started.ms;
const grownMb = (process.memoryUsage.rss() - started.rss) / 1e6;
console.log(JSON.stringify({ ms, count, grownMb }));
await playback.close();
