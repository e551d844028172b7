import { expect, test } from 'vitest';
import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { sizeOf } from './box-parts.ts';
import { writeMovie } from './movie-header.ts';
import { SampleTables } from './sample-tables.ts';

const track: Mp4Track = {
  id: 1,
  timescale: 1_000,
  kind: 'video',
  codec: 'avc1',
  sampleEntry: new Uint8Array(90),
  width: 64,
  height: 64,
  sampleRate: 0,
  channels: 0,
  defaults: { duration: 0, sizeBytes: 0, flags: 0 },
};

/** Media time of the last edit: where in the track it begins to be shown. */
function mediaTime(firstTime: number, offsets: readonly number[]): bigint {
  const count = offsets.length;
  const tables = new SampleTables();
  const samples = {
    trackId: 1,
    count,
    sizes: new Uint32Array(count).fill(10),
    durations: new Uint32Array(count).fill(100),
    compositionOffsets: Int32Array.from(offsets),
    syncs: new Uint8Array(count).fill(1),
    runs: {
      count: 1,
      firstSamples: Uint32Array.of(0),
      baseTimes: Float64Array.of(firstTime),
      fragments: Uint32Array.of(0),
      dataOffsets: Float64Array.of(0),
      dataBytes: Float64Array.of(count * 10),
      flags: Uint8Array.of(0),
    },
  };
  const run = {
    samples,
    timescale: 1_000,
    from: 0,
    to: count,
    time: firstTime,
    dataOffset: 0,
    sizeBytes: count * 10,
    flags: 0,
  };
  tables.addRun(run, 0);
  const { pieces } = writeMovie([{ track, tables }], false);
  const bytes = Buffer.concat(pieces, sizeOf(pieces));
  const elst = bytes.indexOf('elst') - 4;
  const end = elst + bytes.readUInt32BE(elst);
  return bytes.readBigInt64BE(end - 12);
}

test.for([
  { what: 'frames shown when decoded', firstTime: 250, offsets: [0, 0], at: 0n },
  { what: 'frames shown later', firstTime: 250, offsets: [200, 400], at: 200n },
  { what: 'decode-only frames', firstTime: -250, offsets: [0, 0, 0, 0], at: 250n },
  { what: 'frames marked as shown before they are decoded', firstTime: 250, offsets: [-100, 100], at: 0n },
])('the edit of $what begins in the track, never before it', ({ firstTime, offsets, at }) => {
  expect(mediaTime(firstTime, offsets)).toBe(at);
});
