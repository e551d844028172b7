import { expect, test } from 'vitest';
import { PerchError } from '../../agent/base/errors.ts';
import { silentLogger } from '../../agent/base/log.ts';
import { TsMuxer } from '../../agent/media/mpegts/mux/mux.ts';
import type { Sample } from '../../agent/media/sample/sample.ts';
import type { Track } from '../../agent/media/sample/track.ts';
import { TsInput } from '../../agent/stream/ingest/ts-input.ts';
import { byLength } from '../peers/programs/peers.ts';
import { FakeClock } from '../support/base/fake-clock.ts';
import { random } from '../support/base/random.ts';
import { RisingSink } from '../support/media/rising-sink.ts';
import { tinyH264, tinyVideo } from '../support/media/tiny-h264.ts';

const ROUNDS = byLength(40, 400);
const PICTURE_TICKS = 3_600;
const PICTURE_MS = 40;
const opus: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const aac: Track = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 44_100, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x12, 0x10),
};

test('transport streams with damage, losses and clocks that are set become streams whose times rise, or are rejected', async () => {
  const next = random(16);
  let samples = 0;
  const pictures = tinyVideo(10, 25, 10);
  for (let round = 0; round < ROUNDS; round += 1) {
    const audio = round % 2 === 0 ? aac : opus;
    const muxer = new TsMuxer([tinyH264, audio]);
    const clock = new FakeClock();
    const sink = new RisingSink();
    const options = { name: 'yard', sender: 'sender', readTimeoutMs: 10_000 } as const;
    const input = new TsInput(sink, options, clock, silentLogger);
    let ticks = Math.floor(next() * 2 ** 33);
    for (let i = 0; i < 100; i += 1) {
      ticks = Math.max(0, ticks + (next() < 0.97 ? PICTURE_TICKS : Math.floor((next() - 0.5) * 90_000 * 100)));
      const video: Sample = { ...(pictures[i % 10] as Sample), pts: ticks, dts: ticks };
      const dts = Math.round((ticks * audio.clockRate) / 90_000);
      const sound: Sample = { ...video, pts: dts, dts, key: true, data: Uint8Array.of(0xf8, 1, 2, 3, 4, 5) };
      const bytes = new Uint8Array(muxer.tableBytes + muxer.maxBytesOf(0, video) + muxer.maxBytesOf(1, sound));
      muxer.begin(bytes);
      muxer.write(0, video, 0);
      muxer.write(1, sound, 0);
      try {
        for (let at = 0; at < muxer.sizeBytes; at += 188) {
          if (next() < 0.02) {
            bytes[at + Math.floor(next() * 188)] = Math.floor(next() * 256);
          }
          if (next() > 0.01) {
            input.push(bytes, at, at + 188);
          }
        }
        await clock.advance(PICTURE_MS);
        input.check();
      } catch (error) {
        expect(error).toBeInstanceOf(PerchError);
        break;
      }
    }
    samples += sink.samples;
    expect(sink.faults).toEqual([]);
  }
  expect(samples).toBeGreaterThan(1_000);
});
