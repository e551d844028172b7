import { createLogger, silentLogger } from '../../../agent/base/log.ts';
import type { Transport } from '../../../agent/media/rtsp/transport.ts';
import type { Sample } from '../../../agent/media/sample/sample.ts';
import type { Track } from '../../../agent/media/sample/track.ts';
import { parseSdp } from '../../../agent/media/sdp/parse.ts';
import { writeSdp } from '../../../agent/media/sdp/write.ts';
import { ReceivedMedia } from '../../../agent/servers/rtsp/transport/received-media.ts';
import type { UdpPorts } from '../../../agent/servers/rtsp/transport/udp-ports.ts';
import type { StreamSink } from '../../../agent/stream/contracts.ts';
import { Stream } from '../../../agent/stream/stream.ts';
import { FakeClock } from '../base/fake-clock.ts';
import { rtpFrame } from '../cameras/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../media/tiny-h264.ts';

export const SDP = writeSdp([tinyH264, { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 }], {
  name: 'x',
  host: '127.0.0.1',
  sessionId: 1,
});
export const overTcp: Transport = { protocol: 'tcp', isSecure: false, isMulticast: false };

/** A publisher's session on a fake clock, and its path's stream. */
export class PublisherSession {
  readonly clock = new FakeClock();
  readonly samples: { readonly track: number; readonly sample: Sample }[] = [];
  readonly frames: Uint8Array[] = [];
  readonly ends: string[] = [];
  /** Its connection is not read. */
  isPaused = false;
  pauses = 0;
  tracks: readonly Track[] = [];
  readonly media: ReceivedMedia;
  #wake = () => {};

  constructor(sdp: string = SDP, ports?: UdpPorts, log = silentLogger) {
    const owner = {
      onMediaEnd: (reason: string) => this.ends.push(reason),
      writeFrames: (frames: Uint8Array) => this.frames.push(frames),
      pauseReading: () => {
        this.isPaused = true;
        this.pauses += 1;
      },
      resumeReading: () => {
        this.isPaused = false;
      },
    };
    const { medias } = parseSdp(sdp);
    this.media = new ReceivedMedia({ name: 'garden', medias, ip: '127.0.0.1', owner }, ports, this.clock, log);
  }

  record(settings: Omit<StreamSink, 'publish'> = {}): void {
    this.media.start({
      ...settings,
      publish: (tracks) => {
        this.tracks = tracks;
        const stream = new Stream(tracks);
        const onSample = (track: number, sample: Sample) => {
          this.samples.push({ track, sample });
          this.#wake();
        };
        stream.addReader({ id: 'test', onSample, onTrack: () => {}, onEnd: () => {} }, false);
        return stream;
      },
    });
  }

  /** Passes an interleaved frame like a connection. */
  take(frame: Uint8Array): void {
    this.media.onFrame(frame, frame[1] ?? 0, 4, frame.length);
  }

  async sampled(count: number): Promise<void> {
    while (this.samples.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export const picture = (i: number, channel = 0, sequence = i) =>
  rtpFrame(channel, (i === 0 ? idrPicture(50) : skipPicture(i)).subarray(4), {
    type: 96,
    ssrc: 9,
    marker: true,
    sequence,
    ticks: i * 3_600,
  });
export const sound = (i: number, channel = 2) =>
  rtpFrame(channel, new Uint8Array(320).fill(0xd5), { type: 0, ssrc: 10, marker: false, sequence: i, ticks: i * 320 });
export const packetOf = (frame: Uint8Array) => frame.subarray(4);

/** A session over TCP that records, and its log from `warn` on. */
export function recording(sdp = SDP, settings: Omit<StreamSink, 'publish'> = {}) {
  const lines: string[] = [];
  const session = new PublisherSession(
    sdp,
    undefined,
    createLogger('warn', (line) => lines.push(line)),
  );
  for (const media of parseSdp(sdp).medias.keys()) {
    session.media.setUp(media, overTcp);
  }
  session.record(settings);
  return { session, said: () => lines.map((line) => JSON.parse(line) as { msg: string }) };
}
