import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import type { Choice } from '../sdp/codecs.ts';
import { hopeless } from '../sdp/refusals.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../session/session-media.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';
import { BitRate } from './bit-rate.ts';
import { BurstLoss } from './burst-loss.ts';
import { Downshift } from './downshift.ts';
import { Feed } from './feed.ts';
import { type OutboundVideo, outboundTrack, outboundVideo } from './outbound.ts';
import { PictureLoss } from './picture-loss.ts';
import { REORDERED } from './reordering.ts';
import { Retransmitter } from './retransmitter.ts';
import { type RtcpSink, readRtcp } from './rtcp.ts';
import { ViewerHealth } from './viewer-health.ts';

/** Whoever joins one that gets so long is far behind, or has to wait: for him a key frame is worth its size. */
const LONG_GROUP_MS = 4_000;

/** What a viewing has to know. None of it is kept but the numbers: an offer's section is as large as its sender made it. */
type Chosen = Pick<Choice, 'track' | 'format' | 'rtx'>;

export interface ViewingOptions {
  /** Of the viewer's address. */
  readonly query?: string;
  /** For a viewer on a bad network: opens a smaller stream with the same pictures, which it may read. */
  readonly openFallback?: (() => Promise<Stream>) | undefined;
  /** Where the sound comes from when it is made of the stream's: its first track. */
  readonly sound?: Stream | undefined;
  /** Told when the viewer is given less or more. */
  readonly log?: Logger;
}

/** What there is from the handshake on. */
interface Running {
  readonly link: SecureLink;
  readonly feed: Feed;
  readonly downshift: Downshift;
  readonly pictureLoss: PictureLoss;
  readonly burstLoss: BurstLoss | undefined;
  readonly retransmitter: Retransmitter | undefined;
  /** Of the stream, and of what is sent. */
  readonly wholeRate: BitRate;
  readonly sentRate: BitRate;
}

/** A stream on its way to one viewer. */
export class Viewing implements Reader, RtcpSink, SessionMedia {
  readonly type = 'webRTCSession';
  readonly countsHolds = true;
  readonly state = 'read';
  readonly id: string;
  readonly cname = randomUUID();
  readonly video: OutboundVideo | undefined;
  readonly audio: OutboundTrack | undefined;
  readonly #stream: Stream;
  /** Numbers in the stream; -1: none. */
  readonly #videoTrack: number;
  readonly #audioTrack: number;
  readonly #clock: Clock;
  readonly #options: ViewingOptions;
  readonly #health: ViewerHealth;
  #running: Running | undefined;
  /** The stream's last word, when it came before the viewer. */
  #ended: string | undefined;

  /**
   * Becomes one of the stream's readers. The packets themselves come from the packetizer that all viewers share.
   * @param id of the session
   * @throws PerchError when the stream cannot be watched this way
   */
  constructor(
    id: string,
    stream: Stream,
    { video, audio }: { readonly video: Chosen | undefined; readonly audio: Chosen | undefined },
    clock: Clock,
    options: ViewingOptions = {},
  ) {
    this.id = id;
    this.#stream = stream;
    this.#clock = clock;
    this.#options = options;
    this.#videoTrack = video?.track ?? -1;
    this.#audioTrack = options.sound ? -1 : (audio?.track ?? -1);
    this.video = video && outboundVideo(video.format, video.rtx);
    this.audio = audio && outboundTrack(audio.format);
    const ssrcs = [this.video?.ssrc, this.audio?.ssrc].filter((ssrc) => ssrc !== undefined);
    this.#health = new ViewerHealth(ssrcs, clock);
    if (video && stream.hasBFrames(video.track)) {
      throw hopeless(REORDERED);
    }
    stream.addReader(this, false);
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
  }

  get statistics(): MediaStatistics {
    const { feed, retransmitter } = this.#running ?? {};
    return {
      outboundBytes: (feed?.bytes ?? 0) + (retransmitter?.bytes ?? 0),
      outboundPackets: (feed?.packets ?? 0) + (retransmitter?.resent ?? 0),
      outboundReportedLost: this.#health.lost,
      framesDiscarded: feed?.framesDiscarded ?? 0,
      inboundPackets: 0,
      inboundLost: 0,
      jitterSeconds: 0,
      roundTripMs: this.#health.roundTripMs,
      share: feed?.share,
    };
  }

  start(link: SecureLink): void {
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
    this.#stream.beginRecipient(this, this.#options.query ?? '');
    const { video, audio, cname } = this;
    const clock = this.#clock;
    const nowMs = clock.monoMs();
    const burstLoss = video && new BurstLoss(video);
    // Before the feed, which sends at once.
    burstLoss?.begin(0, nowMs);
    const feed = new Feed({
      id: this.id,
      link,
      stream: this.#stream,
      videoTrack: this.#videoTrack,
      audioTrack: this.#audioTrack,
      video,
      audio,
      sound: this.#options.sound,
      cname,
      clock,
      openFallback: this.#options.openFallback,
      onFallbackFailed: (cause) => this.#log('WebRTC viewer cannot have the fallback', { err: cause }),
      onWhole: () => burstLoss?.begin(this.#health.lostOf(video?.ssrc ?? 0), clock.monoMs()),
    });
    this.#running = {
      link,
      feed,
      // Of sound alone nothing can be left out.
      downshift: new Downshift(!video ? 0 : this.#options.openFallback ? 2 : 1, nowMs),
      pictureLoss: new PictureLoss(
        keyFramesOf(feed, () => burstLoss?.repeat(clock.monoMs())),
        clock,
      ),
      burstLoss,
      retransmitter: video && new Retransmitter(link, video, video.rtx),
      wholeRate: new BitRate(this.#stream.bytesReceived, nowMs),
      sentRate: new BitRate(feed.bytes, nowMs),
    };
    if (video && Math.max(this.#stream.groupMs, this.#stream.longestGroupMs) > LONG_GROUP_MS) {
      this.#stream.requestKeyFrame();
    }
  }

  /** Viewers send no media. */
  onRtp(): void {}

  onRtcp(compound: Buffer): void {
    readRtcp(compound, this);
  }

  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void {
    this.#health.onReport(ssrc, lost, highest, lastReport, delay);
    if (this.#running?.burstLoss && ssrc === this.video?.ssrc && this.#running.downshift.level === 0) {
      this.#watchBurst(this.#running, this.#running.burstLoss, lost, highest);
    }
  }

  onPictureLoss(ssrc: number): void {
    if (this.#running && ssrc === this.video?.ssrc) {
      this.#running.pictureLoss.onPictureLoss();
    }
  }

  onNack(ssrc: number, sequence: number, following: number): void {
    const { retransmitter, feed } = this.#running ?? {};
    if (!retransmitter || !feed || ssrc !== this.video?.ssrc) {
      return;
    }
    const nowMs = this.#clock.monoMs();
    const sent = retransmitter.onNack(feed.pictures, sequence, following, nowMs, this.#health.roundTripMs);
    feed.stream.countSent(sent);
  }

  onEstimate(bitsPerSecond: number): void {
    this.#health.onEstimate(bitsPerSecond);
  }

  tick(): void {
    const running = this.#running;
    if (!running) {
      return;
    }
    const { feed, downshift, wholeRate, sentRate, link } = running;
    const nowMs = this.#clock.monoMs();
    wholeRate.update(this.#stream.bytesReceived, nowMs);
    sentRate.update(feed.bytes, nowMs);
    feed.tick(wholeRate.bitsPerSecond);
    if (!this.video) {
      return;
    }
    const second = {
      ...this.#health.takeLoss(this.video.ssrc),
      estimateBitsPerSecond: this.#health.estimateBitsPerSecond,
      roundTripMs: this.#health.roundTripMs,
      isCongested: link.route.isCongested,
      bitsPerSecond: sentRate.bitsPerSecond,
      betterBitsPerSecond: wholeRate.bitsPerSecond,
    };
    if (downshift.tick(second, nowMs)) {
      this.#changeLevel(running);
    }
  }

  close(): void {
    this.#running?.pictureLoss.close();
    this.#running?.feed.close();
    this.#stream.endRecipient(this);
    this.#stream.removeReader(this);
  }

  onSample(track: number, sample: Sample): void {
    if (sample.key && track === this.#videoTrack && this.#running?.feed.awaitsKey) {
      // Other readers have not seen the sample yet, the packetizer among them.
      queueMicrotask(() => this.#running?.feed.onKey());
    }
  }

  onTrack(): void {}

  onEnd(cause?: unknown): void {
    this.#ended = cause === undefined ? 'the stream has ended' : explain(cause);
    this.#running?.link.close(this.#ended);
  }

  #watchBurst(running: Running, burstLoss: BurstLoss, lost: number, highest: number): void {
    const nowMs = this.#clock.monoMs();
    const provedBitsPerSecond = burstLoss.onReport(lost, highest, nowMs, this.#health.roundTripMs ?? 0);
    if (provedBitsPerSecond === undefined) {
      return;
    }
    running.pictureLoss.reset();
    running.retransmitter?.giveUp();
    const isTooMuch = running.feed.onBurstLost(provedBitsPerSecond, burstLoss.mostBitsPerSecond, burstLoss.count);
    if (isTooMuch && running.downshift.overwhelm(nowMs)) {
      this.#changeLevel(running, provedBitsPerSecond);
    }
  }

  #changeLevel({ feed, downshift, retransmitter, wholeRate }: Running, provedBitsPerSecond?: number): void {
    feed.setLevel(downshift.level);
    if (retransmitter) {
      retransmitter.sendsLittle = downshift.level > 0;
    }
    const { estimateBitsPerSecond } = this.#health;
    const facts = {
      level: downshift.level,
      estimateBitsPerSecond: Math.round(estimateBitsPerSecond),
      streamBitsPerSecond: Math.round(wholeRate.bitsPerSecond),
      ...(provedBitsPerSecond !== undefined && { provedBitsPerSecond: Math.round(provedBitsPerSecond) }),
    };
    this.#log(downshift.level > 0 ? LESS : MORE, facts);
  }

  #log(message: string, facts: object): void {
    (this.#options.log ?? silentLogger).info(facts, message);
  }
}

const LESS = 'WebRTC viewer is given less: its network does not take the stream';
const MORE = 'WebRTC viewer is given more';

function keyFramesOf(feed: Feed, onRestart: () => void) {
  return {
    get keyFrameAgeMs(): number | undefined {
      const { source } = feed.pictures;
      // Both as the camera's clock has them, which need not be ours.
      const latestWall = source.lastWall[source.leadingTrack] ?? source.groupWall;
      return source.groupStart < 0 ? undefined : Math.max(0, latestWall - source.groupWall);
    },
    restartAtKey: () => {
      onRestart();
      feed.pictures.restartAtKey();
    },
    requestKeyFrame: () => feed.stream.requestKeyFrame(),
  };
}
