import { expect, test } from 'vitest';
import { tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import { H265_PPS, H265_VPS } from '../../../test/support/media/tiny-streams.ts';
import { hex } from '../../../test/support/media/units.ts';
import { h264Track } from '../../media/h264/params.ts';
import { h265Track } from '../../media/h265/params.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../../stream/stream.ts';
import { factsOf, NO_FACTS } from './stream-facts.ts';

const HIGH_1080P25 = h264Track(hex('67640028acd940780227e5c044000003000400000300c83c60c658'), []);
const MAIN10 = '420101022000000300900000030000030078a003c08010e4d96566924caf016808000003000800000300c840';
const MAIN10_1080P25 = h265Track(hex(H265_VPS), hex(MAIN10), [hex(H265_PPS)]);
const MPEG_AUDIO: Track = {
  ...{ kind: 'audio', codec: 'mpeg-audio', clockRate: 90_000, version: 1, layer: 2 },
  ...{ sampleRate: 44_100, channels: 2 },
};

/** A stream of this many groups of video. */
function streamOf(tracks: readonly Track[], { groups = 1, pictures = 30, fps = 15 } = {}): Stream {
  const stream = new Stream(tracks);
  for (let i = 0; i < groups * pictures; i += 1) {
    const pts = Math.round((i * 90_000) / fps);
    stream.write(0, { pts, dts: pts, wall: pts, key: i % pictures === 0, data: new Uint8Array(10) });
  }
  return stream;
}

test('size, profile and pictures a second are those of the parameter sets', () => {
  expect(factsOf(streamOf([HIGH_1080P25]), 0, NO_FACTS)).toMatchObject({
    ...{ video: 'H264', codecProfile: 'High', width: 1920, height: 1080, fps: 25, audio: undefined },
  });
  expect(factsOf(streamOf([MAIN10_1080P25]), 0, NO_FACTS)).toMatchObject({
    ...{ video: 'H265', codecProfile: 'Main10', width: 1920, height: 1080, fps: 25 },
  });
});

test('pictures a second that are not signalled are measured, as are group and bit rate', () => {
  const stream = streamOf([tinyH264, MPEG_AUDIO], { groups: 3, pictures: 45 });
  expect(factsOf(stream, 1_234_000, NO_FACTS)).toEqual({
    ...{ video: 'H264', codecProfile: 'Baseline', width: 64, height: 48 },
    ...{ fps: 15, groupFrames: 45, bitrateKbps: 1_234 },
    ...{ audio: 'MPA', audioRateHz: 44_100, audioChannels: 2 },
  });
});

test('measured values stay when the stream begins again', () => {
  const former = factsOf(streamOf([tinyH264], { groups: 2 }), 900_000, NO_FACTS);
  expect(factsOf(new Stream([tinyH264]), 0, former)).toEqual(former);
  expect(factsOf(new Stream([HIGH_1080P25]), 0, former)).toMatchObject({ width: 1920, fps: 25, bitrateKbps: 900 });
});

test.for([0, 90_000])('a rate of %i pictures a second is not believed', (fps) => {
  expect(factsOf(new Stream([{ ...tinyH264, fps }]), 0, NO_FACTS).fps).toBeUndefined();
});
