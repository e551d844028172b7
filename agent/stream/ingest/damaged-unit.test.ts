import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { hex, rtpFormat } from '../../../test/support/media/units.ts';
import { silentLogger } from '../../base/log.ts';
import { AC3 } from '../../media/ac3/params.ts';
import { writeRtpHeader } from '../../media/rtp/header.ts';
import type { Track } from '../../media/sample/track.ts';
import { Stream } from '../stream.ts';
import { StreamWriter } from './stream-writer.ts';
import { Timeline } from './timeline.ts';
import { TrackReceiver } from './track-receiver.ts';

function ac3(header: string): Uint8Array {
  const bytes = hex(header);
  const payload = new Uint8Array(2 + AC3.parse(bytes, 0, 7).sizeBytes).fill(1);
  payload.set([0, 1, ...bytes]);
  return payload;
}

test.for<[encoding: string, clockRate: number, good: Uint8Array, bad: Uint8Array]>([
  ['AC3', 48_000, ac3('0b77 0000 08 40 20'), ac3('0b77 0000 48 40 20')],
])(
  '%s: one frame whose damaged header names another sample rate is skipped and counted',
  async ([encoding, clockRate, good, bad]) => {
    const clock = new FakeClock();
    const samples: number[] = [];
    const opened: Stream[] = [];
    const publish = (tracks: readonly Track[]) => {
      const stream = new Stream(tracks);
      opened.push(stream);
      stream.addReader(
        { id: 'test', onSample: (track) => samples.push(track), onTrack: () => {}, onEnd: () => {} },
        false,
      );
      return stream;
    };
    const timeline = new Timeline(clock, false, true);
    const receivers: TrackReceiver[] = [];
    const writer = new StreamWriter({ publish }, timeline, receivers, 'yard', silentLogger);
    const receiver = new TrackReceiver(rtpFormat(encoding, clockRate, 2, {}), timeline, writer, clock);
    receivers.push(receiver);
    for (let i = 0; i < 100; i += 1) {
      const payload = i === 60 ? bad : good;
      const packet = new Uint8Array(12 + payload.length);
      writeRtpHeader(packet, 0, true, receiver.format.payloadType, i, i * 1536, 1);
      packet.set(payload, 12);
      receiver.packet(packet, 0, packet.length, clock.monoMs());
      await clock.advance(32);
      writer.check(clock.monoMs());
    }
    expect(opened).toHaveLength(1);
    expect(opened[0]?.framesInError).toBe(1);
    expect(samples.length).toBeGreaterThan(30);
  },
);
