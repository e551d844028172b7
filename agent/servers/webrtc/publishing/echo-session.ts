import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type Reader, Stream } from '../../../stream/stream.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../../../transports/webrtc/link/session-media.ts';
import { MediaReceiver, type MediaReceiverOptions } from '../../../transports/webrtc/receiving/media-receiver.ts';
import type { OutboundVideo } from '../../../transports/webrtc/sending/outbound.ts';
import { ViewerSession } from '../../../transports/webrtc/sending/viewer-session.ts';
import type { OutboundTrack } from '../../../transports/webrtc/srtp/srtp.ts';
import { WEBRTC_SESSION } from '../session/session-kind.ts';

/** Sends a peer's media back to it through the path of a published stream. No other client sees it. */
export class EchoSession implements SessionMedia {
  readonly state = 'publish';
  readonly role = 'echo peer';
  readonly #receiver: MediaReceiver;
  readonly #stream: Stream;
  readonly #viewer: ViewerSession;

  constructor(id: string, options: MediaReceiverOptions, clock: Clock, log: Logger) {
    const { inbound } = options;
    this.#receiver = new MediaReceiver(options, clock, log);
    this.#stream = new Stream(inbound.map(({ format }) => expectedTrack(format)));
    this.#stream.onKeyFrameWanted = () => this.#receiver.requestKeyFrame();
    const numbered = inbound.map((one, track) => ({ ...one, track }));
    const [video, audio] = ['video', 'audio'].map((wanted) => numbered.find(({ kind }) => kind === wanted));
    this.#viewer = new ViewerSession(id, this.#stream, { video, audio }, clock, { kind: WEBRTC_SESSION });
  }

  get video(): OutboundVideo | undefined {
    return this.#viewer.video;
  }

  get audio(): OutboundTrack | undefined {
    return this.#viewer.audio;
  }

  get cname(): string {
    return this.#viewer.cname;
  }

  get statistics(): MediaStatistics {
    const { inboundPackets, inboundLost, jitterSeconds } = this.#receiver.statistics;
    return { ...this.#viewer.statistics, inboundPackets, inboundLost, jitterSeconds };
  }

  start(link: SecureLink): void {
    this.#viewer.start(link);
    this.#receiver.start(link, {
      publish: (tracks) => {
        const arrived = new Stream(tracks, { gopCacheBytes: 0 });
        arrived.addReader(new EchoReader(tracks, this.#stream), false);
        return arrived;
      },
    });
  }

  onRtp(packet: Buffer): void {
    this.#receiver.onRtp(packet);
  }

  onRtcp(compound: Buffer): void {
    this.#receiver.onRtcp(compound);
    this.#viewer.onRtcp(compound);
  }

  tick(): void {
    this.#receiver.tick();
    this.#viewer.tick();
  }

  close(): void {
    this.#receiver.close();
    this.#viewer.close();
    this.#stream.close();
  }
}

/**
 * Forwards samples to the stream that existed before its tracks were known. A track that never arrives stays silent.
 */
class EchoReader implements Reader {
  readonly id = 'echo';
  readonly countsHolds = true;
  readonly #to: Stream;
  readonly #numbers: readonly number[];

  constructor(tracks: readonly Track[], to: Stream) {
    this.#to = to;
    this.#numbers = tracks.map(({ kind }) => to.tracks.findIndex((expected) => expected.kind === kind));
    for (const [i, track] of tracks.entries()) {
      this.onTrack(i, track);
    }
  }

  onSample(track: number, sample: Sample): void {
    hold(sample.data);
    this.#to.write(this.#numbers[track] as number, sample);
  }

  onTrack(track: number, description: Track): void {
    this.#to.setTrack(this.#numbers[track] as number, description);
  }

  onEnd(): void {}
}

/** The offer describes audio completely, video only by its codec; the first key frame supplies the rest. */
function expectedTrack(format: RtpFormat): Track {
  let described: Track | undefined;
  createDepacketizer(format, {
    onTrack: (track) => {
      described = track;
    },
    onUnit: () => {},
    onDamage: () => {},
  });
  return described ?? expectedPicture(format);
}

function expectedPicture({ encoding, clockRate }: RtpFormat): Track {
  const common = { kind: 'video', clockRate, width: 0, height: 0, fps: undefined } as const;
  const nothing = new Uint8Array();
  switch (encoding) {
    case 'H264':
      return { ...common, codec: 'h264', sps: nothing, pps: [] };
    case 'H265':
      return { ...common, codec: 'h265', vps: nothing, sps: nothing, pps: [] };
    case 'AV1':
      return { ...common, codec: 'av1', sequenceHeader: nothing };
    case 'VP9':
      return { ...common, codec: 'vp9', profile: 0, bitDepth: 8, chromaSubsampling: 1, isFullRange: false };
    default:
      return { ...common, codec: 'vp8' };
  }
}
