import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { rtpFrame } from '../../../../test/support/cameras/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../../test/support/media/tiny-h264.ts';
import { silentLogger } from '../../../base/log.ts';
import { writeSenderReport } from '../../../media/rtcp/write.ts';
import { parseSdp } from '../../../media/sdp/parse.ts';
import { writeSdp } from '../../../media/sdp/write.ts';
import { StreamWriter } from '../../../stream/ingest/stream-writer.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import { Stream } from '../../../stream/stream.ts';
import { Muxer } from './muxer.ts';

const sdp = writeSdp([tinyH264, { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 }], {
  name: 'camera',
  host: '127.0.0.1',
  sessionId: 1,
});

/**
 * A camera whose microphone samples too slowly. Its sender reports say so.
 * @returns frames of sound that HLS drops in the last minute
 */
function droppedAfter(minutes: number, ppm: number): number {
  const clock = new FakeClock();
  const timeline = new Timeline(clock, false, true);
  const receivers: TrackReceiver[] = [];
  let muxer: Muxer | undefined;
  const publish = (tracks: ConstructorParameters<typeof Stream>[0]): Stream => {
    const stream = new Stream(tracks);
    const sizes = { segmentCount: 7, segmentDurationMs: 1_000, partDurationMs: 200, segmentMaxBytes: 1 << 22 };
    muxer = new Muxer('camera', stream, { prefix: 'p', variant: 'lowLatency', ...sizes }, () => {});
    muxer.start();
    return stream;
  };
  const writer = new StreamWriter({ publish }, timeline, receivers, 'camera', silentLogger);
  for (const { formats } of parseSdp(sdp).medias) {
    receivers.push(...formats.map((format) => new TrackReceiver(format, timeline, writer, clock)));
  }
  const [video, audio] = receivers as [TrackReceiver, TrackReceiver];
  const send = (to: TrackReceiver, frame: Uint8Array) => to.packet(frame, 4, frame.length, clock.monoMs());
  const report = (to: TrackReceiver, ssrc: number, ticks: number) => {
    const sent = { ssrc, unixMs: clock.wallMs(), ticks: ticks >>> 0, packets: 1, payloadBytes: 1 };
    const packet = writeSenderReport(sent, 'camera');
    to.control(packet, 0, packet.length);
  };
  const payload = new Uint8Array(160).fill(0xff);
  let [pictures, sounds, droppedBefore] = [0, 0, 0];
  for (let ms = 0; ms < minutes * 60_000; ms += 20) {
    if (ms % 100 === 0) {
      const unit = pictures % 10 === 0 ? idrPicture(50) : skipPicture(pictures % 10);
      const fields = { type: 96, ssrc: 9, sequence: pictures & 0xffff, ticks: (90 * ms) >>> 0, marker: true };
      send(video, rtpFrame(0, unit.subarray(4), fields));
      pictures += 1;
    }
    while (sounds * 20 * (1 + ppm / 1e6) <= ms) {
      send(audio, rtpFrame(2, payload, { sequence: sounds & 0xffff, ticks: 160 * sounds, ssrc: 1 }));
      sounds += 1;
    }
    if (ms % 5_000 === 0) {
      report(video, 9, 90 * ms);
      report(audio, 1, (8 * ms) / (1 + ppm / 1e6));
      writer.check(clock.monoMs());
    }
    droppedBefore = ms === (minutes - 1) * 60_000 ? (muxer?.framesDiscarded ?? 0) : droppedBefore;
    clock.skip(20);
  }
  return (muxer?.framesDiscarded ?? 0) - droppedBefore;
}

test('sound whose clock is 0.4 % slow is still there after an hour', () => {
  expect(droppedAfter(60, 4_000)).toBeLessThan(10);
});
