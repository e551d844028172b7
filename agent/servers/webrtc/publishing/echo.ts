import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';
import { createDepacketizer } from '../../../media/codecs.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import { hold } from '../../../media/sample/slab.ts';
import type { Track } from '../../../media/sample/track.ts';
import { type Reader, Stream } from '../../../stream/stream.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../session/session-media.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';
import type { OutboundVideo } from '../viewing/outbound.ts';
import { Viewing } from '../viewing/viewing.ts';
import { Intake, type IntakeOptions } from './intake.ts';

/** What a peer sends goes back to it, through all that a published stream goes through; nobody else sees it. */
export class Echo implements SessionMedia {
  readonly state = 'publish';
  readonly who = 'echo peer';
  readonly #intake: Intake;
  readonly #stream: Stream;
  readonly #viewing: Viewing;

  /** @param id of the session */
  constructor(id: string, options: IntakeOptions, clock: Clock, log: Logger) {
    const { inbound } = options;
    this.#intake = new Intake(options, clock, log);
    this.#stream = new Stream(inbound.map(({ format }) => expectedTrack(format)));
    this.#stream.onKeyFrameWanted = () => this.#intake.requestKeyFrame();
    const numbered = inbound.map((one, track) => ({ ...one, track }));
    const [video, audio] = ['video', 'audio'].map((wanted) => numbered.find(({ kind }) => kind === wanted));
    this.#viewing = new Viewing(id, this.#stream, { video, audio }, clock);
  }

  /** What goes back. */
  get video(): OutboundVideo | undefined {
    return this.#viewing.video;
  }

  get audio(): OutboundTrack | undefined {
    return this.#viewing.audio;
  }

  /** Of what goes back. */
  get cname(): string {
    return this.#viewing.cname;
  }

  get statistics(): MediaStatistics {
    const { inboundPackets, inboundLost, jitterSeconds } = this.#intake.statistics;
    return { ...this.#viewing.statistics, inboundPackets, inboundLost, jitterSeconds };
  }

  start(link: SecureLink): void {
    this.#viewing.start(link);
    this.#intake.start(link, {
      open: (tracks) => {
        const arrived = new Stream(tracks, { gopCacheBytes: 0 });
        arrived.addReader(new Mirror(tracks, this.#stream), false);
        return arrived;
      },
    });
  }

  onRtp(packet: Buffer): void {
    this.#intake.onRtp(packet);
  }

  onRtcp(compound: Buffer): void {
    this.#intake.onRtcp(compound);
    this.#viewing.onRtcp(compound);
  }

  tick(): void {
    this.#intake.tick();
    this.#viewing.tick();
  }

  close(): void {
    this.#intake.close();
    this.#viewing.close();
    this.#stream.close();
  }
}

/** Hands samples on to the stream that was there before its tracks were known; a track that did not come is silent there. */
class Mirror implements Reader {
  readonly type = 'hidden';
  readonly id = 'echo';
  readonly countsHolds = true;
  readonly #to: Stream;
  /** By the number of a track that came. */
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

/** As far as the offer tells it: sound is known by it, of a picture the codec, and the rest comes with its first key frame. */
function expectedTrack(format: RtpFormat): Track {
  let told: Track | undefined;
  createDepacketizer(format, {
    onTrack: (track) => {
      told = track;
    },
    onUnit: () => {},
    onDamage: () => {},
  });
  return told ?? expectedPicture(format);
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
