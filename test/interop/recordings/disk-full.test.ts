import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecordingHead } from '../../../agent/record/file/recording-file.ts';
import { readRecordingTable } from '../../../agent/record/file/recording-table.ts';
import { ffmpegWarnings } from '../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../peers/programs/peers.ts';
import {
  feed,
  filesBelow,
  opusSound,
  opusTrack,
  startRecorder,
  temporaryFolder,
} from '../../support/disks/recordings.ts';
import { tinyH264, tinyVideo } from '../../support/media/tiny-h264.ts';

/** A file system of this many kilobytes in memory. */
function smallDisk(folder: string, kilobytes: number): Disposable {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder]);
  expect(status).toBe(0);
  return { [Symbol.dispose]: () => spawnSync('umount', [folder]) };
}

/** The number of pictures in a finished recording. */
async function picturesIn(file: string): Promise<number> {
  await using handle = await open(file);
  const head = await readRecordingHead(handle);
  expect(head.isFinished).toBe(true);
  const { table } = await readRecordingTable(handle, head);
  return table.tracks[0]?.count ?? 0;
}

describeWith(['ffmpeg', 'mounts'], 'a disk that is full', () => {
  test('has one clear state; recording continues once space is free, and every complete part from before plays', async () => {
    using folder = temporaryFolder();
    using _disk = smallDisk(folder.path, 700);
    const ballast = join(folder.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(300_000));
    await using running = startRecorder(folder.path, { segmentDurationMs: 10_000 }, [tinyH264, opusTrack]);
    const { clock, recorder } = running;
    const kind = () => recorder.state.kind;
    const startMs = clock.wallMs();
    let seconds = 0;
    const live = async () => {
      const ticks = (rate: number) => seconds * rate;
      const wall = startMs + seconds * 1000;
      feed(running.stream, [tinyVideo(10, 10, 5, ticks(90_000), wall), opusSound(50, ticks(48_000), wall)]);
      seconds += 1;
      await clock.advance(1_000);
      // The disk is real: without pauses, a clock that runs ahead of it would report that it hangs.
      await new Promise((resolve) => setTimeout(resolve, 10));
    };
    while (kind() !== 'failed') {
      expect(seconds).toBeLessThan(120);
      await live();
    }
    expect(recorder.state).toMatchObject({
      error: `cannot write recordings to ${join(folder.path, 'cam')}: the disk is full: free space there, lower recordDeleteAfter or set a larger recordMinFree`,
    });
    const fullAt = seconds;
    expect(fullAt).toBeGreaterThan(15);

    rmSync(ballast);
    while (kind() !== 'recording') {
      expect(seconds).toBeLessThan(fullAt + 30);
      await live();
    }
    await live();
    await recorder.stop();
    const files = filesBelow(folder.path);
    const pictures = await Promise.all(files.map(picturesIn));
    // Without the part at the end of the disk, and everything until space was free.
    const before = pictures.slice(0, Math.ceil(fullAt / 10)).reduce((sum, count) => sum + count, 0);
    expect(before).toBeGreaterThanOrEqual((fullAt - 2) * 10);
    for (const file of files) {
      expect(await ffmpegWarnings(['-i', file])).toBe('');
    }
  });
});
