import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openRecording, type ReadRecording } from '../../../test/support/disks/read-recording.ts';
import { opusSound, opusTrack, temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { plainMp4 } from '../../../test/support/media/plain-mp4.ts';
import { tinyH264, tinyVideo } from '../../../test/support/media/tiny-h264.ts';
import { type Clip, openClip } from '../../paths/always-available/clip.ts';
import { readRecordingHead } from '../../record/file/recording-file.ts';
import { readRecordingTable } from '../../record/file/recording-table.ts';
import { rewriteMp4 } from './rewrite-mp4.ts';

/** A file of another program: 20 pictures, each a key picture, with these durations in ms, and two seconds of sound. */
function fileOf(durationOf: (picture: number) => number): Uint8Array {
  const pictures = tinyVideo(20, 10, 1).map(({ data }, i) => ({ data, isKey: true, ticks: durationOf(i) }));
  const sounds = opusSound(100).map(({ data }) => ({ data, isKey: true, ticks: 960 }));
  return plainMp4([
    { track: tinyH264, timescale: 1_000, samples: pictures },
    { track: opusTrack, timescale: 48_000, samples: sounds },
  ]);
}

/** The recording that a file becomes. */
async function rewritten(folder: string, file: Uint8Array, change = (_clip: Clip) => {}): Promise<ReadRecording> {
  const [source, draft] = [join(folder, 'in.mp4'), join(folder, 'out.mp4')];
  writeFileSync(source, file);
  const clip = await openClip(source);
  await using _handle = clip.handle;
  change(clip);
  let parts = 0;
  const wait = async () => {
    parts += 1;
    expect(parts, 'parts of a file with 20 pictures').toBeLessThanOrEqual(21);
  };
  await rewriteMp4(clip, draft, { startMs: 0, wait });
  await using handle = await open(draft);
  const { table } = await readRecordingTable(handle, await readRecordingHead(handle));
  const recording = await openRecording(draft);
  expect(table.tracks.map(({ count }) => count)).toEqual([countOf(recording, 1), countOf(recording, 2)]);
  return recording;
}

const countOf = ({ fragments }: ReadRecording, trackId: number): number =>
  fragments
    .flatMap(({ runs }) => runs.filter((run) => run.trackId === trackId))
    .reduce((sum, run) => sum + run.count, 0);

test.for([
  ['a picture lasts', (i: number) => (i === 5 ? 0 : 100)],
  ['several pictures last', (i: number) => (i >= 5 && i < 10 ? 0 : 100)],
] as const)(
  'a file in which %s no time, so that key pictures have one time, is taken whole',
  async ([, durationOf]) => {
    using folder = temporaryFolder();
    const recording = await rewritten(folder.path, fileOf(durationOf));
    expect([countOf(recording, 1), countOf(recording, 2)]).toEqual([20, 100]);
  },
);

test('a file whose times step back is taken whole', async () => {
  using folder = temporaryFolder();
  const stepBack = ({ tracks }: Clip): void => {
    const times = tracks[0]?.samples.times as Float64Array;
    for (let i = 10; i < 20; i += 1) {
      times[i] = (times[i] as number) - 500;
    }
  };
  const recording = await rewritten(
    folder.path,
    fileOf(() => 100),
    stepBack,
  );
  expect([countOf(recording, 1), countOf(recording, 2)]).toEqual([20, 100]);
});
