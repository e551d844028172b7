import { expect, test } from 'vitest';
import { record, temporaryFolder, WALL } from '../../test/support/disks/recordings.ts';
import { openPlayback } from '../../test/support/harness/playback.ts';
import { gapsName } from '../record/gaps/gap-reason.ts';

const US = 1_000_000;
const startUs = WALL * 1_000;

test('a path has all of its reasons, the newest too, however many there are', async () => {
  using folder = temporaryFolder();
  await record(folder.path, 2);
  await using playback = openPlayback(folder.path);
  for (let i = 0; i < 2_500; i += 1) {
    const range = { startUs: startUs + i * US, endUs: startUs + (i + 0.5) * US };
    const type = i === 2_499 ? 'private' : 'offline';
    playback.events.addEvent({ id: `${i}`, path: gapsName('cam'), type, text: '', ...range });
  }
  const { reasons, recorded } = await playback.coverage('cam', startUs - US, startUs + 10_000 * US);
  expect(reasons).toHaveLength(2_500);
  expect(reasons.at(-1)).toMatchObject({ type: 'private', startUs: startUs + 2_499 * US });
  expect(recorded).toEqual([{ startUs, endUs: startUs + 2 * US }]);
});
