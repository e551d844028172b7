import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { silentLogger } from '../../agent/base/log.ts';
import { ecmaArray, readAmf0, writeAmf0 } from '../../agent/media/amf/amf0.ts';
import { codecOf } from '../../agent/media/codecs.ts';
import { FlvDemuxer } from '../../agent/media/flv/demuxer.ts';
import { TrackTags } from '../../agent/media/flv/track-tags.ts';
import type { Sample } from '../../agent/media/sample/sample.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../../agent/media/sample/sample-buffer.ts';
import type { Track } from '../../agent/media/sample/track.ts';
import { targetOf } from '../../agent/servers/rtmp/target.ts';
import { ChunkReader } from '../../agent/transports/rtmp/chunk-reader.ts';
import { FlvInput } from '../../agent/transports/rtmp/flv-input.ts';
import { appendMessage, CHUNK_BYTES } from '../../agent/transports/rtmp/messages.ts';
import { byLength } from '../peers/programs/peers.ts';
import { FakeClock } from '../support/base/fake-clock.ts';
import { mutate } from '../support/base/mutate.ts';
import { random } from '../support/base/random.ts';
import { ac3, eac3, mp3 } from '../support/media/audio-tracks.ts';
import { RisingSink } from '../support/media/rising-sink.ts';
import { tinyH264, tinyVideo } from '../support/media/tiny-h264.ts';
import { av1, h265, vp9 } from '../support/media/video-tracks.ts';

const times = (count: number): number => count * byLength(1, 10);
const MAX_MESSAGE_BYTES = 1 << 16;

const aac: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 44_100, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x12, 0x10),
};
const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const flac: Track = { kind: 'audio', codec: 'flac', clockRate: 48_000, channels: 2, frameSamples: 4_608 };

/** Good tags of each codec, alone and as one of several tracks. */
function tagsOf(track: Track): Uint8Array[] {
  const format = codecOf(track).flv?.(track);
  if (!format) {
    throw new Error(`FLV has no ${track.codec}`);
  }
  const data =
    track.codec === 'h264' ? (tinyVideo(1, 25, 1)[0] as Sample).data : Uint8Array.from({ length: 40 }, (_, i) => i);
  const sample = { pts: 9_000, dts: 4_500, wall: 0, key: true, data };
  return [0, 1].flatMap((trackId) => {
    const tags = new TrackTags(track, format, trackId > 0, trackId);
    const { header } = tags;
    const frame = Buffer.concat([Uint8Array.from([tags.type]), tags.head(sample, 50), data]);
    return header ? [Buffer.concat([Uint8Array.from([tags.type]), header]), frame] : [frame];
  });
}

const SEEDS = [tinyH264, h265, av1, vp9, aac, opus, flac, mp3, ac3, eac3]
  .flatMap(tagsOf)
  .map((bytes) => Uint8Array.from(bytes));

function mustBePerch(error: unknown, bytes: Uint8Array): void {
  if (!(error instanceof PerchError)) {
    throw new Error(`damaged input: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
  }
  expect(error.message.length).toBeLessThan(300);
}

test('damaged tags become units or are rejected', () => {
  const next = random(11);
  const counts = { units: 0, damage: 0, rejected: 0 };
  for (let i = 0; i < times(300); i += 1) {
    const track = {
      onUnit: (pts: number, dts: number) => {
        counts.units += 1;
        expect(pts).toBeGreaterThanOrEqual(dts);
      },
      onTrack: () => {},
      onDamage: () => {
        counts.damage += 1;
      },
      arrive: (timestamp: number) => timestamp,
      follow: (ticks: number) => ticks,
    };
    const demuxer = new FlvDemuxer({ open: () => track, onUnsupported: () => {} });
    for (let tag = 0; tag < 20; tag += 1) {
      const seed = SEEDS[Math.floor(next() * SEEDS.length)] as Uint8Array;
      const bytes = tag % 2 === 0 ? seed : mutate(seed, next);
      try {
        demuxer.push(bytes[0] ?? 0, tag * 40, bytes, Math.min(1, bytes.length), bytes.length);
      } catch (error) {
        counts.rejected += 1;
        mustBePerch(error, bytes);
      }
    }
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(50);
});

test('damaged tags at any time are skipped, become streams whose times rise, or are rejected', async () => {
  const next = random(15);
  const counts = { samples: 0, rejected: 0 };
  for (let round = 0; round < times(60); round += 1) {
    const clock = new FakeClock();
    const sink = new RisingSink();
    const input = new FlvInput(sink, 'yard', 'publisher', clock, silentLogger);
    // Configuration and a frame of each track.
    const tags = [tinyH264, round % 2 === 0 ? aac : opus].flatMap((track) => tagsOf(track).slice(0, 2));
    let time = Math.floor(next() * 2 ** 32);
    for (let tag = 0; tag < 120; tag += 1) {
      const seed = Uint8Array.from(tags[tag < 4 ? tag : Math.floor(next() * 4)] as Uint8Array);
      const bytes = next() < 0.95 ? seed : mutate(seed, next);
      time = next() < 0.9 ? time + 40 : Math.floor(next() * 2 ** 32);
      try {
        input.push(bytes[0] ?? 0, time % 2 ** 32, bytes, Math.min(1, bytes.length), bytes.length);
        input.isAhead(2_000);
        await clock.advance(40);
        input.check();
      } catch (error) {
        counts.rejected += 1;
        mustBePerch(error, bytes);
        break;
      }
    }
    counts.samples += sink.samples;
    expect(sink.faults).toEqual([]);
  }
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(5);
});

test('damaged AMF is read or rejected', () => {
  const next = random(12);
  const seed = writeAmf0('connect', 1, { app: 'live', list: ['a', 1, true, null], more: ecmaArray({ x: 1 }) });
  for (let i = 0; i < times(5_000); i += 1) {
    const bytes = mutate(seed, next);
    try {
      readAmf0(bytes, 0, bytes.length);
    } catch (error) {
      mustBePerch(error, bytes);
    }
  }
});

test('damaged chunks become messages within the limit or are rejected', () => {
  const next = random(13);
  const out = new SampleBuffer(VIDEO_SAMPLES);
  for (const [i, body] of SEEDS.entries()) {
    appendMessage(out, 4 + (i % 3), 8 + (i % 2), 1, i * 4_000_000, new Uint8Array(0), body);
  }
  const seed = Uint8Array.from(out.take());
  let messages = 0;
  for (let i = 0; i < times(1_000); i += 1) {
    const bytes = mutate(seed, next);
    const chunks = new ChunkReader(
      {
        onMessage: (_type, _stream, _time, _data, start, end) => {
          messages += 1;
          expect(end - start).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
        },
      },
      MAX_MESSAGE_BYTES,
    );
    chunks.setChunkBytes(i % 2 === 0 ? CHUNK_BYTES : 64);
    try {
      for (let at = 0; at < bytes.length; ) {
        const to = Math.min(bytes.length, at + 1 + Math.floor(next() * 300));
        chunks.push(bytes, at, to);
        at = to;
      }
    } catch (error) {
      mustBePerch(error, bytes);
    }
  }
  expect(messages).toBeGreaterThan(1_000);
});

test('damaged addresses of a stream are read or rejected', () => {
  const next = random(14);
  const text = () => Buffer.from(mutate(Buffer.from('live/yard%20door?user=tom&pass=b%6Cue'), next)).toString();
  for (let i = 0; i < times(5_000); i += 1) {
    const [app, stream] = [text(), text()];
    try {
      targetOf(app, stream);
    } catch (error) {
      mustBePerch(error, Buffer.from(app + stream));
    }
  }
});
