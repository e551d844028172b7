import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ffmpegWarnings, ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { startMoto } from '../../../peers/programs/moto.ts';
import { byLength, describeWith } from '../../../peers/programs/peers.ts';
import { record, WALL } from '../../../support/disks/recordings.ts';
import { ArchivedBox } from '../support/archived-box.ts';

const LIMIT = { timeout: 240_000 };
const HOURS = byLength(8, 24);
/** Key frames every 8 s, of which each second or sixth is shown. */
const KEY_PICTURES = 80;
/** The pictures of 60 s. */
const PICTURES = 1_800;

describeWith(['moto', 'ffmpeg'], 'time-lapse of hours that only a server of S3 has', () => {
  test('is a minute of pictures from all hours, and has ranges', LIMIT, async () => {
    await using moto = await startMoto();
    const box = new ArchivedBox();
    const files: string[] = [];
    for (let hour = 0; hour < HOURS; hour += 1) {
      files.push(
        ...(await record(box.recordings, 3_600, { wall: WALL + hour * 3_600_000, gop: KEY_PICTURES, sound: true })),
      );
    }
    expect(files.length).toBe(HOURS);
    const login = { archiveAccessKey: moto.accessKey, archiveSecretKey: moto.secretKey };
    await box.start({ archiveURL: moto.url, ...login });
    // As long as moto takes.
    while (box.link.status.archived.files < HOURS) {
      await box.clock.advance(1_000);
      await delay(20);
    }
    const query = {
      path: 'cam',
      startUs: WALL * 1000,
      durationUs: HOURS * 3_600e6,
      format: 'mp4',
      speed: HOURS * 60,
    } as const;
    const here = await box.playback.get(query);
    const expected = await buffer(here.file.read(0, here.file.sizeBytes));
    box.erase(files);
    box.playback.tables.clear();
    const { file } = await box.playback.get({ ...query, startUs: query.startUs + 1 });
    const bytes = await buffer(file.read(0, file.sizeBytes));
    const lapse = join(box.folder, 'day.mp4');
    writeFileSync(lapse, bytes);
    const { streams, format } = await ffprobe(lapse, ['-count_packets']);
    expect(streams.map(({ nb_read_packets }) => Number(nb_read_packets))).toEqual([PICTURES]);
    expect(Number(format.duration)).toBeCloseTo(60, 1);
    expect(await ffmpegWarnings(['-i', lapse])).toBe('');
    // As from the disk, and by ranges.
    const { file: again } = await box.playback.get(query);
    const middle = Math.floor(again.sizeBytes / 2);
    const range = await buffer(again.read(middle, middle + 5_000));
    expect(range.equals(expected.subarray(middle, middle + 5_000))).toBe(true);
  });
});
