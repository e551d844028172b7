import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import type { PeerKind, Reader, Stream } from '../../../stream/stream.ts';
import type { SecureLink } from '../link/session-media.ts';
import { B_FRAMES_UNSUPPORTED } from '../sdp/rejections.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';
import { BitrateMeter } from './bitrate-meter.ts';
import { PacketSender, type Position } from './packet-sender.ts';
import { FULL_RATE, reducedRate, type SendRate } from './send-rate.ts';
import { sendReports } from './sender-reports.ts';

/** The longest GOP that is replayed on a slow network: of a longer one the key frame stands until the next key frame. */
const SHORT_GROUP_PACKETS = 128;
/** Key frames overflow short queues: they are spread at half of the rate that was too much. */
const REDUCED_SHARE = 0.5;
/** Share of the proven throughput: other traffic uses the network as well. */
const PROVEN_SHARE = 0.8;
/** A slower replay never catches up. */
const REPLAY_HEADROOM = 1.25;
/** A throughput this far below the stream is not explained by short queues. */
const MIN_THROUGHPUT_SHARE = 0.6;
/** The shortest duration for estimates from a GOP: a younger GOP consists mostly of its key frame. */
const MIN_GROUP_MS = 1_000;
/** The smaller stream must fit, its key frames in part of their GOP's time. */
const FALLBACK_HEADROOM = 2;

/** Everything, the fallback stream's video, or key frames only. */
type SentQuality = 'all' | 'fallback' | 'keyFrames';

interface ViewerStreamOptions {
  readonly id: string;
  readonly link: SecureLink;
  readonly stream: Stream;
  /** Track numbers in the stream; -1: none. */
  readonly videoTrack: number;
  readonly audioTrack: number;
  readonly video: OutboundTrack | undefined;
  readonly audio: OutboundTrack | undefined;
  /** Transcoded audio, its first track; `audioTrack` is then -1. */
  readonly sound?: Stream | undefined;
  /** Kind of reader in the API's lists, or undefined if not listed. */
  readonly kind?: PeerKind | undefined;
  readonly cname: string;
  readonly clock: Clock;
  /** Opens a smaller stream of the same video, if there is one. */
  readonly openFallback?: (() => Promise<Stream>) | undefined;
  readonly onFallbackFailed: (cause: unknown) => void;
  /** The full stream is sent again. */
  readonly onFullStream: () => void;
}

interface Fallback {
  readonly stream: Stream;
  readonly reader: Reader;
  readonly sender: PacketSender;
  readonly rate: BitrateMeter;
}

/**
 * The media of one viewer. Audio always comes from the stream or is transcoded from it. Video may come from a smaller
 * stream for a while, on the same SSRC with continuous sequence numbers and RTP time.
 */
export class ViewerStream {
  readonly #options: ViewerStreamOptions;
  #main: PacketSender;
  readonly #transcodedAudio: PacketSender | undefined;
  #fallback: Fallback | undefined;
  /** 0: everything; 1: the smaller stream, or key frames without one; 2: key frames. */
  #level = 0;
  /** Bitrate of the full stream. */
  #bitsPerSecond = 0;
  /** Throughput during heavy loss. */
  #provenBitsPerSecond = Number.POSITIVE_INFINITY;
  #isOpening = false;
  #isClosed = false;
  /** Sends the lower level until the stream's next key frame. */
  #awaitsKeyFrame = false;
  /** Counters of closed senders. */
  #bytes = 0;
  #packets = 0;
  #framesDiscarded = 0;

  constructor(options: ViewerStreamOptions) {
    this.#options = options;
    this.#main = this.#openMain(undefined);
    this.#transcodedAudio = options.sound && this.#openTranscodedAudio(options.sound);
  }

  get bytes(): number {
    return this.#bytes + this.#main.bytes + (this.#transcodedAudio?.bytes ?? 0) + (this.#fallback?.sender.bytes ?? 0);
  }

  get packets(): number {
    return (
      this.#packets + this.#main.packets + (this.#transcodedAudio?.packets ?? 0) + (this.#fallback?.sender.packets ?? 0)
    );
  }

  get framesDiscarded(): number {
    return this.#framesDiscarded + this.#main.framesDiscarded + (this.#fallback?.sender.framesDiscarded ?? 0);
  }

  get quality(): SentQuality {
    return this.videoSender.keyFramesOnly ? 'keyFrames' : this.#fallback ? 'fallback' : 'all';
  }

  get videoSender(): PacketSender {
    return this.#fallback?.sender ?? this.#main;
  }

  get stream(): Stream {
    return this.#fallback?.stream ?? this.#options.stream;
  }

  get awaitsKeyFrame(): boolean {
    return this.#awaitsKeyFrame;
  }

  setLevel(level: number): void {
    this.#level = level;
    this.#awaitsKeyFrame = level === 0;
    this.videoSender.keyFramesOnly = level > (this.#fallback ? 1 : 0);
    this.videoSender.pace = this.#pace;
    if (level === 0) {
      this.#options.stream.requestKeyFrame();
    } else if (!this.#fallback) {
      this.#openFallback();
    }
  }

  /** Called after the stream has delivered a key sample of its video to all readers. */
  onKeyFrame(): void {
    if (this.#awaitsKeyFrame) {
      this.#awaitsKeyFrame = false;
      this.#options.onFullStream();
      this.#endFallback();
    }
  }

  /**
   * A burst lost its picture: the pace is limited to the proven throughput.
   * @param maxBitsPerSecond upper bound of the throughput
   * @param times occurrences since the start of the burst
   * @returns whether the stream exceeds the network's capacity
   */
  onBurstLost(provenBitsPerSecond: number, maxBitsPerSecond: number, times: number): boolean {
    this.#provenBitsPerSecond = provenBitsPerSecond;
    this.videoSender.pace = this.#pace;
    return maxBitsPerSecond < (times > 1 ? 1 : MIN_THROUGHPUT_SHARE) * this.#streamBitsPerSecond;
  }

  /**
   * Called about once a second.
   * @param bitsPerSecond of the full stream
   */
  tick(bitsPerSecond: number): void {
    this.#bitsPerSecond = bitsPerSecond;
    const senders = [this.#main, this.#fallback?.sender, this.#transcodedAudio];
    sendReports(
      this.#options.link,
      this.#options.stream,
      senders.flatMap((sender) => sender?.reports() ?? []),
    );
    if (this.#fallback) {
      const { stream, rate } = this.#fallback;
      rate.update(stream.bytesReceived, this.#options.clock.monoMs());
    }
    this.videoSender.pace = this.#pace;
  }

  close(): void {
    this.#isClosed = true;
    // Closed but kept, because its counters are still read.
    this.#main.close();
    this.#transcodedAudio?.close();
    if (this.#fallback) {
      this.#retire(this.#fallback.sender);
      this.#fallback.stream.removeReader(this.#fallback.reader);
      this.#fallback = undefined;
    }
  }

  /** Bitrate of the full stream; 0: not known. */
  get #streamBitsPerSecond(): number {
    const { source } = this.#main;
    const { octets = 0, packets = 0 } = this.#options.video ?? {};
    if (this.#bitsPerSecond > 0 || source.groupStart < 0) {
      return this.#bitsPerSecond;
    }
    // A new viewer: estimated from the cached GOP.
    const meanBytes = octets / Math.max(1, packets);
    const groupMs = (source.lastWall[this.#options.videoTrack] ?? 0) - source.groupWall;
    return (8_000 * meanBytes * (source.written - source.groupStart)) / Math.max(MIN_GROUP_MS, groupMs);
  }

  get #pace(): SendRate {
    const proven = PROVEN_SHARE * this.#provenBitsPerSecond;
    if (this.#level === 0 && proven === Number.POSITIVE_INFINITY) {
      return FULL_RATE;
    }
    if (this.#level === 0) {
      const bytesPerMs = Math.max(proven, REPLAY_HEADROOM * this.#streamBitsPerSecond) / 8_000;
      return bytesPerMs < FULL_RATE.replayBytesPerMs ? reducedRate(bytesPerMs) : FULL_RATE;
    }
    const isFullStream = !this.videoSender.keyFramesOnly;
    const minBitsPerSecond = isFullStream ? FALLBACK_HEADROOM * (this.#fallback?.rate.bitsPerSecond ?? 0) : 0;
    const reduced = Math.min(REDUCED_SHARE * this.#streamBitsPerSecond, proven);
    const bytesPerMs = Math.max(16, Math.max(reduced, minBitsPerSecond) / 8_000);
    return reducedRate(bytesPerMs);
  }

  #openFallback(): void {
    const { openFallback, onFallbackFailed } = this.#options;
    if (!openFallback || this.#isOpening) {
      return;
    }
    this.#isOpening = true;
    openFallback()
      .then((stream) => this.#useFallback(stream))
      .catch(onFallbackFailed)
      .finally(() => {
        this.#isOpening = false;
      });
  }

  #useFallback(stream: Stream): void {
    // The viewer may have gone or recovered while it opened.
    if (this.#isClosed || this.#level === 0 || this.#fallback) {
      return;
    }
    if (stream === this.#options.stream) {
      throw new PerchError('badInput', 'the fallback is the stream itself');
    }
    const number = this.#matchingTrack(stream);
    const reader: Reader = {
      ...(this.#options.kind && { kind: this.#options.kind }),
      id: this.#options.id,
      countsHolds: true,
      onSample: () => {},
      onTrack: () => {},
      onEnd: () => this.#endFallback(),
    };
    stream.addReader(reader, false);
    if (stream.isClosed) {
      return;
    }
    const continues = this.#main.position;
    this.#retire(this.#main);
    this.#main = this.#openAudio();
    const sender = this.#openVideo(stream, number, continues);
    const rate = new BitrateMeter(stream.bytesReceived, this.#options.clock.monoMs());
    this.#fallback = { stream, reader, sender, rate };
    sender.keyFramesOnly = this.#level > 1;
  }

  #endFallback(): void {
    const fallback = this.#fallback;
    if (!fallback || this.#isClosed) {
      return;
    }
    this.#fallback = undefined;
    const continues = fallback.sender.position;
    this.#retire(fallback.sender);
    fallback.stream.removeReader(fallback.reader);
    this.#retire(this.#main);
    this.#main = this.#openMain(continues);
  }

  /** @throws PerchError if its video differs from what was negotiated */
  #matchingTrack(stream: Stream): number {
    const { codec, clockRate } = this.#options.stream.tracks[this.#options.videoTrack] ?? {};
    const number = stream.tracks.findIndex((track) => track.codec === codec && track.clockRate === clockRate);
    if (number < 0) {
      throw new PerchError('badInput', `the fallback has no ${codec} track, which was negotiated`);
    }
    if (stream.hasBFrames(number)) {
      throw new PerchError('badInput', B_FRAMES_UNSUPPORTED);
    }
    return number;
  }

  #openMain(continues: Position | undefined): PacketSender {
    const { videoTrack, audioTrack, video, audio } = this.#options;
    return this.#open({
      stream: this.#options.stream,
      tracks: this.#tracks((number) => (number === videoTrack ? video : number === audioTrack ? audio : undefined)),
      videoTrack: this.#options.videoTrack,
      continues,
      keyFramesOnly: this.#level > 0,
    });
  }

  #openAudio(): PacketSender {
    const { audioTrack, audio } = this.#options;
    const tracks = this.#tracks((number) => (number === audioTrack ? audio : undefined));
    return this.#open({ stream: this.#options.stream, tracks, videoTrack: -1 });
  }

  /** Waits for the first frame, if there is video. */
  #openTranscodedAudio(stream: Stream): PacketSender {
    const startsWith = this.#options.videoTrack < 0 ? undefined : this.#main;
    return this.#open({ stream, tracks: [this.#options.audio], videoTrack: -1, startsWith });
  }

  #openVideo(stream: Stream, videoTrack: number, continues: Position): PacketSender {
    const tracks = stream.tracks.map((_, number) => (number === videoTrack ? this.#options.video : undefined));
    return this.#open({ stream, tracks, videoTrack, continues, maxReplayPackets: SHORT_GROUP_PACKETS });
  }

  #open(
    what: Pick<
      ConstructorParameters<typeof PacketSender>[0],
      'stream' | 'tracks' | 'videoTrack' | 'continues' | 'keyFramesOnly' | 'maxReplayPackets' | 'startsWith'
    >,
  ): PacketSender {
    const { link, cname, clock } = this.#options;
    const isOwn = what.stream === this.#options.stream;
    const onReordered = (): void => (isOwn ? link.close(B_FRAMES_UNSUPPORTED) : this.#endFallback());
    return new PacketSender({ ...what, pace: this.#pace, link, cname, clock, onReordered });
  }

  #tracks(trackOf: (number: number) => OutboundTrack | undefined): (OutboundTrack | undefined)[] {
    return this.#options.stream.tracks.map((_, number) => trackOf(number));
  }

  #retire(sender: PacketSender): void {
    sender.close();
    this.#bytes += sender.bytes;
    this.#packets += sender.packets;
    this.#framesDiscarded += sender.framesDiscarded;
  }
}
