import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { byLength } from '../../../test/peers/programs/peers.ts';
import { random } from '../../../test/support/base/random.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { readPlainMp4 } from '../../../test/support/media/read-mp4.ts';
import { PerchError } from '../../base/errors.ts';
import { PLAIN_ZERO_SECONDS, plainHeadBytes, readPlainTable } from './plain-table.ts';

async function film(fromMs = 0, seconds = 10): Promise<Buffer> {
  using folder = temporaryFolder();
  await record(folder.path, 20, { sound: true });
  await using playback = openPlayback(folder.path);
  const times = { startUs: (WALL + fromMs) * 1000, durationUs: seconds * 1e6 };
  const { file } = await playback.get({ path: 'cam', ...times, format: 'mp4' });
  return await buffer(file.read(0, file.sizeBytes));
}

const headOf = (bytes: Buffer) => bytes.subarray(0, plainHeadBytes(bytes));

test.for([0, 3_400])(
  'the table of a film that begins after %i ms has its samples, at their places and times',
  async (fromMs) => {
    const bytes = await film(fromMs);
    const { init, table } = readPlainTable(headOf(bytes), bytes.length);
    expect(init.tracks.map(({ id, kind, timescale }) => [id, kind, timescale])).toEqual([
      [1, 'video', 90_000],
      [2, 'audio', 48_000],
    ]);
    for (const [id, samples] of readPlainMp4(bytes)) {
      const track = table.tracks.find(({ trackId }) => trackId === id) ?? expect.fail('no track');
      expect(track.count).toBe(samples.length);
      let i = 0;
      for (let run = 0; run < track.runs.count; run += 1) {
        let time = track.runs.baseTimes[run] as number;
        let offset = track.runs.dataOffsets[run] as number;
        for (const end = track.runs.firstSamples[run + 1] ?? track.count; i < end; i += 1) {
          const { decodeTime, shownTime, isSync, data } = samples[i] ?? expect.fail('no sample');
          const zero = PLAIN_ZERO_SECONDS * (init.tracks[id - 1]?.timescale ?? 0);
          expect([time - zero, (track.compositionOffsets?.[i] ?? 0) + time - zero]).toEqual([decodeTime, shownTime]);
          expect(bytes.subarray(offset, offset + (track.sizes[i] as number)).equals(data)).toBe(true);
          expect(track.syncs[i] === 1).toBe(isSync);
          time += track.durations[i] as number;
          offset += track.sizes[i] as number;
        }
      }
    }
  },
);

test('the size of the head is known from its first bytes', async () => {
  const bytes = await film();
  const head = headOf(bytes);
  expect(plainHeadBytes(bytes.subarray(0, 64))).toBe(head.length);
  expect(plainHeadBytes(bytes.subarray(0, 20))).toBeUndefined();
  expect(() => readPlainTable(head.subarray(0, -1), bytes.length)).toThrow(PerchError);
});

test('whatever is damaged: a table within the file, or a PerchError', async () => {
  const bytes = await film();
  const head = headOf(bytes);
  const next = random(3);
  for (let round = 0; round < byLength(500, 1_500); round += 1) {
    const damaged = Buffer.from(head);
    for (let left = 1 + Math.floor(next() * 3); left > 0; left -= 1) {
      const at = Math.floor(next() * damaged.length);
      damaged[at] = next() < 0.3 ? 255 : Math.floor(next() * 256);
    }
    try {
      const { table } = readPlainTable(damaged, bytes.length);
      for (const { runs, count, durations } of table.tracks) {
        expect(durations.length).toBe(count);
        for (let run = 0; run < runs.count; run += 1) {
          expect(runs.baseTimes[run]).toBeGreaterThanOrEqual(0);
          expect((runs.dataOffsets[run] as number) + (runs.dataBytes[run] as number)).toBeLessThanOrEqual(bytes.length);
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
});
