import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { H264_TRACK } from '../../test/support/media/tracks.ts';
import type { Sample } from '../media/sample/sample.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../media/sample/sample-buffer.ts';
import { hold, release } from '../media/sample/slab.ts';
import { type Reader, Stream } from './stream.ts';

const BYTES = 5_000;

/** A camera: units in slabs, with an occasional key frame. */
function camera(stream: Stream) {
  const buffer = new SampleBuffer(VIDEO_SAMPLES);
  const slabs = new Set<ArrayBufferLike>();
  let count = 0;
  return {
    slabs,
    write: () => {
      buffer.append(new Uint8Array(BYTES).fill(count), 0, BYTES);
      const data = buffer.take();
      slabs.add(data.buffer);
      stream.write(0, { pts: count, dts: count, wall: count, key: count % 25 === 0, data });
      count += 1;
    },
  };
}

const reader = (countsHolds: boolean, onSample: (sample: Sample) => void): Reader => ({
  id: 'test',
  countsHolds,
  onSample: (_track, sample) => onSample(sample),
  onTrack: () => {},
  onEnd: () => {},
});

const isWhole = ({ data, pts }: Sample) => data.length === BYTES && data.every((byte) => byte === (pts & 0xff));

test('memory of released samples is reused, except for the cached GOP', () => {
  const stream = new Stream([H264_TRACK]);
  const { slabs, write } = camera(stream);
  const next = random(3);
  const kept: Sample[] = [];
  stream.addReader(
    reader(true, (sample) => {
      hold(sample.data);
      kept.push(sample);
      while (kept.length > 20 || (kept.length > 0 && next() < 0.4)) {
        const [gone] = kept.splice(Math.floor(next() * kept.length), 1) as [Sample];
        expect(isWhole(gone)).toBe(true);
        release(gone.data);
      }
    }),
    false,
  );
  for (let i = 0; i < 2_000; i += 1) {
    write();
  }
  const replayed: Sample[] = [];
  stream.addReader(
    reader(true, (sample) => replayed.push(sample)),
    true,
  );
  expect(replayed.every(isWhole)).toBe(true);
  // 10 MB went through slabs of 128 kB at most.
  expect(slabs.size).toBeLessThan(20);
});

test('a reader without holds may keep its samples for ever, including the replay', () => {
  const stream = new Stream([H264_TRACK]);
  const { write } = camera(stream);
  const kept: Sample[] = [];
  const keeper = reader(false, (sample) => kept.push(sample));
  for (let i = 0; i < 300; i += 1) {
    if (i === 110) {
      stream.addReader(keeper, true);
    } else if (i === 190) {
      stream.removeReader(keeper);
    }
    write();
  }
  expect(kept.map(({ pts }) => pts)).toEqual(Array.from({ length: 90 }, (_, i) => 100 + i));
  expect(kept.every(isWhole)).toBe(true);
});

test.for(['leaves', 'throws'])('a sample kept by a reader that %s in its callback is not overwritten', (how) => {
  const stream = new Stream([H264_TRACK]);
  const { write } = camera(stream);
  const kept: Sample[] = [];
  const leaver = reader(false, (sample) => {
    kept.push(sample);
    if (how === 'throws') {
      throw new Error('broken');
    }
    stream.removeReader(leaver);
  });
  for (let i = 0; i < 400; i += 1) {
    // By then slabs have the size that they keep.
    if (i === 200) {
      stream.addReader(leaver, false);
    }
    write();
  }
  expect(kept.map(({ pts }) => pts)).toEqual([200]);
  expect(kept.every(isWhole)).toBe(true);
});

test('a replay ends where its reader ends the stream, whose memory may be used again at once', () => {
  const stream = new Stream([H264_TRACK]);
  const { write } = camera(stream);
  for (let i = 0; i < 20; i += 1) {
    write();
  }
  const replayed: Sample[] = [];
  stream.addReader(
    reader(true, (sample) => {
      stream.close();
      hold(sample.data);
      replayed.push(sample);
    }),
    true,
  );
  for (let i = 0; i < 100; i += 1) {
    write();
  }
  expect(replayed.map(({ pts }) => pts)).toEqual([0]);
  expect(replayed.every(isWhole)).toBe(true);
});
