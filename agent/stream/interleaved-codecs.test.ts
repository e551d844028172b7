import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { random } from '../../test/support/base/random.ts';
import { g722, lpcm, mpegTs } from '../../test/support/media/audio-tracks.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { sampleOf } from '../../test/support/media/units.ts';
import { h265, vp8 } from '../../test/support/media/video-tracks.ts';
import { createDepacketizer } from '../media/codecs.ts';
import { RtpHeader } from '../media/rtp/header.ts';
import { RtspFramer } from '../media/rtsp/interleaved.ts';
import type { AacTrack, G711Track, OpusTrack, Track } from '../media/sample/track.ts';
import { parseSdp } from '../media/sdp/parse.ts';
import { writeSdp } from '../media/sdp/write.ts';
import { InterleavedPackets, type InterleavedViewer } from './interleaved-packets.ts';
import { Stream } from './stream.ts';

const G711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };
const OPUS: OpusTrack = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const AAC: AacTrack = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 2,
  config: Uint8Array.of(0x11, 0x90),
  frameSamples: 1024,
};
const WALL_MS = Date.UTC(2026, 0, 1);

/** Access units of one slice with messages before it, of any size, and frames of sound. */
function anySample(track: Track, next: () => number): Uint8Array {
  const bytes = (max: number, head: readonly number[]) => {
    const data = Uint8Array.from({ length: head.length + 1 + Math.floor(next() * max) }, () =>
      Math.floor(next() * 256),
    );
    data.set(head);
    return data;
  };
  if (track.codec === 'h264' || track.codec === 'h265') {
    const [slice, message] =
      track.codec === 'h264'
        ? [[0x65, 0x88, 0x80], [0x06]]
        : [
            [0x26, 0x01, 0x80],
            [0x4e, 0x01],
          ];
    const messages = Array.from({ length: Math.floor(next() * 3) }, () => bytes(next() < 0.2 ? 3_000 : 90, message));
    return sampleOf(...messages, bytes(next() < 0.5 ? 5_000 : 90, slice));
  }
  if (track.codec === 'vp8') {
    // A key frame of 320x240, RFC 6386 §9.1.
    return bytes(5_000, [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xf0, 0x00]);
  }
  if (track.codec === 'mpeg-ts') {
    return Uint8Array.from({ length: 188 * (1 + Math.floor(next() * 7)) }, (_, i) => (i % 188 === 0 ? 0x47 : i & 0x3f));
  }
  if (track.codec === 'lpcm') {
    return new Uint8Array(4 * (1 + Math.floor(next() * 250))).fill(next() * 256);
  }
  return bytes(track.codec === 'opus' ? 400 : 1_000, [0xfc]);
}

test.for([
  ['h264', tinyH264],
  ['h265', h265],
  ['aac', AAC],
  ['opus', OPUS],
  ['g711', G711],
  ['g722', g722],
  ['lpcm', lpcm],
  ['mpeg-ts', mpegTs],
  ['vp8', vp8],
] as const)('%s is packetized and reassembled unchanged', ([, track]) => {
  const next = random(7);
  const stream = new Stream([track]);
  const format = parseSdp(writeSdp([track], { name: 'x', host: '::1', sessionId: 1 })).medias[0]?.formats[0];
  const units: Uint8Array[] = [];
  const damage: string[] = [];
  const sink = {
    onUnit: (_pts: number, _dts: number, _key: boolean, data: Uint8Array) => units.push(data),
    onTrack: () => {},
    onDamage: (reason: string) => damage.push(reason),
  };
  const depacketizer = format && createDepacketizer(format, sink);
  const header = new RtpHeader();
  const framer = new RtspFramer({
    onFrame: (chunk, _channel, start, end) => {
      header.parse(chunk, start, end);
      expect(header.payloadType).toBe(format?.payloadType);
      expect(end - start).toBeLessThanOrEqual(1452);
      depacketizer?.push(chunk, header.payloadStart, header.payloadEnd, header.timestamp, header.marker, false);
    },
    onMessage: () => {},
  });
  const viewer: InterleavedViewer = {
    onChunk: (chunk) => {
      framer.push(chunk, chunk.length);
      return false;
    },
    onReport: () => {},
    onEnd: (cause) => expect(cause).toBeUndefined(),
  };
  const packets = InterleavedPackets.of(stream, 1440, new FakeClock());
  packets.join(viewer);
  packets.flow(viewer);
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 300; i += 1) {
    const data = anySample(track, next);
    sent.push(data);
    stream.write(0, { pts: i * 1_024, dts: i * 1_024, wall: WALL_MS + i, key: true, data });
  }
  expect(damage).toEqual([]);
  // A multiplex may come back in other pieces.
  const [sentBytes, unitBytes] = [Buffer.concat(sent), Buffer.concat(units)];
  expect(unitBytes.equals(sentBytes)).toBe(true);
  if (track.codec !== 'mpeg-ts') {
    expect(units.map((unit) => unit.length)).toEqual(sent.map((unit) => unit.length));
  }
});
