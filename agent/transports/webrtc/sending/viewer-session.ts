import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import { type Logger, silentLogger } from '../../../base/log.ts';
import type { Sample } from '../../../media/sample/sample.ts';
import type { PeerKind, Reader, Stream, Viewer, Watcher } from '../../../stream/stream.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../link/session-media.ts';
import type { Choice } from '../sdp/codecs.ts';
import type { Outbound } from '../sdp/lines.ts';
import { B_FRAMES_UNSUPPORTED, offerError } from '../sdp/rejections.ts';
import type { OutboundTrack } from '../srtp/srtp.ts';
import { BitrateAdaptation } from './bitrate-adaptation.ts';
import { BitrateMeter } from './bitrate-meter.ts';
import { BurstLoss } from './burst-loss.ts';
import { type OutboundVideo, outboundTrack, outboundVideo } from './outbound.ts';
import { PliResponder } from './pli-responder.ts';
import { ReceiverReports } from './receiver-reports.ts';
import { Retransmitter } from './retransmitter.ts';
import { type RtcpSink, readRtcp } from './rtcp.ts';
import { ViewerStream } from './viewer-stream.ts';

/** In a longer GOP a new viewer lags far behind or has to wait, so a key frame is requested. */
const LONG_GROUP_MS = 4_000;

/** Keeps only numbers: an offer's section can be large. */
type ChosenFormat = Pick<Choice, 'track' | 'format' | 'rtx'>;

export interface ViewerSessionOptions {
  /** Kind of reader in the API's lists; absent: not listed, and not counted as audience. */
  readonly kind?: PeerKind;
  readonly query?: string;
  readonly watcher?: Watcher;
  /** Opens a smaller stream of the same video for a viewer on a slow network. */
  readonly openFallback?: (() => Promise<Stream>) | undefined;
  /** Transcoded audio: its first track replaces the stream's audio. */
  readonly sound?: Stream | undefined;
  /** SSRCs and CNAME of an offer that names them before the codecs are known; default: random. */
  readonly sources?: {
    readonly cname: string;
    readonly video: Outbound | undefined;
    readonly audio: Outbound | undefined;
  };
  readonly log?: Logger;
}

/** Exists from the handshake on. */
interface ActiveViewer {
  readonly link: SecureLink;
  readonly viewerStream: ViewerStream;
  readonly adaptation: BitrateAdaptation;
  readonly pliResponder: PliResponder;
  readonly burstLoss: BurstLoss | undefined;
  readonly retransmitter: Retransmitter | undefined;
  /** Bitrates of the stream, and of what is sent. */
  readonly streamRate: BitrateMeter;
  readonly sentRate: BitrateMeter;
}

const isListed = (reader: Reader): reader is Reader & Viewer => reader.kind !== undefined;

export class ViewerSession implements Reader, RtcpSink, SessionMedia {
  readonly kind?: PeerKind;
  readonly countsHolds = true;
  readonly state = 'read';
  readonly id: string;
  readonly cname: string;
  readonly video: OutboundVideo | undefined;
  readonly audio: OutboundTrack | undefined;
  readonly #stream: Stream;
  /** Track numbers in the stream; -1: none. */
  readonly #videoTrack: number;
  readonly #audioTrack: number;
  readonly #clock: Clock;
  readonly #options: ViewerSessionOptions;
  readonly #reports: ReceiverReports;
  #active: ActiveViewer | undefined;
  /** Why the stream ended, if before the handshake. */
  #ended: string | undefined;

  /**
   * Becomes a reader of the stream. The packets come from the packetizer shared by all viewers.
   * @throws PerchError if the stream cannot be sent over WebRTC
   */
  constructor(
    id: string,
    stream: Stream,
    { video, audio }: { readonly video: ChosenFormat | undefined; readonly audio: ChosenFormat | undefined },
    clock: Clock,
    options: ViewerSessionOptions = {},
  ) {
    this.id = id;
    if (options.kind) {
      this.kind = options.kind;
    }
    this.#stream = stream;
    this.#clock = clock;
    this.#options = options;
    this.#videoTrack = video?.track ?? -1;
    this.#audioTrack = options.sound ? -1 : (audio?.track ?? -1);
    const { sources } = options;
    this.cname = sources?.cname ?? randomUUID();
    this.video = video && outboundVideo(video.format, video.rtx, sources?.video);
    this.audio = audio && outboundTrack(audio.format, sources?.audio?.ssrc);
    const ssrcs = [this.video?.ssrc, this.audio?.ssrc].filter((ssrc) => ssrc !== undefined);
    this.#reports = new ReceiverReports(ssrcs, clock);
    if (video && stream.hasBFrames(video.track)) {
      throw offerError(B_FRAMES_UNSUPPORTED);
    }
    stream.addReader(this, false);
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
  }

  get watcher(): Watcher | undefined {
    return this.#options.watcher;
  }

  get statistics(): MediaStatistics {
    const { viewerStream, retransmitter } = this.#active ?? {};
    return {
      outboundBytes: (viewerStream?.bytes ?? 0) + (retransmitter?.bytes ?? 0),
      outboundPackets: (viewerStream?.packets ?? 0) + (retransmitter?.resent ?? 0),
      outboundReportedLost: this.#reports.lost,
      framesDiscarded: viewerStream?.framesDiscarded ?? 0,
      inboundPackets: 0,
      inboundLost: 0,
      jitterSeconds: 0,
      roundTripMs: this.#reports.roundTripMs,
      quality: viewerStream?.quality,
    };
  }

  start(link: SecureLink): void {
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
    if (isListed(this)) {
      this.#stream.recipients.begin(this, this.#options.query ?? '');
    }
    const { video, audio, cname } = this;
    const clock = this.#clock;
    const nowMs = clock.monoMs();
    const burstLoss = video && new BurstLoss(video);
    // Begins before the viewer stream exists, which sends at once.
    burstLoss?.begin(0, nowMs);
    const viewerStream = new ViewerStream({
      id: this.id,
      kind: this.kind,
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
      onFallbackFailed: (cause) => this.#log('WebRTC viewer cannot use the fallback stream', { err: cause }),
      onFullStream: () => burstLoss?.begin(this.#reports.lostOf(video?.ssrc ?? 0), clock.monoMs()),
    });
    this.#active = {
      link,
      viewerStream,
      // Audio has no lower level.
      adaptation: new BitrateAdaptation(!video ? 0 : this.#options.openFallback ? 2 : 1, nowMs),
      pliResponder: new PliResponder(
        keyFrameSource(viewerStream, () => burstLoss?.restart(clock.monoMs())),
        clock,
      ),
      burstLoss,
      retransmitter: video && new Retransmitter(link, video, video.rtx),
      streamRate: new BitrateMeter(this.#stream.bytesReceived, nowMs),
      sentRate: new BitrateMeter(viewerStream.bytes, nowMs),
    };
    if (video && Math.max(this.#stream.groupMs, this.#stream.longestGroupMs) > LONG_GROUP_MS) {
      this.#stream.requestKeyFrame();
    }
  }

  onRtp(): void {}

  onRtcp(compound: Buffer): void {
    readRtcp(compound, this);
  }

  onReport(ssrc: number, lost: number, highest: number, lastReport: number, delay: number): void {
    this.#reports.onReport(ssrc, lost, highest, lastReport, delay);
    if (this.#active?.burstLoss && ssrc === this.video?.ssrc && this.#active.adaptation.level === 0) {
      this.#watchBurst(this.#active, this.#active.burstLoss, lost, highest);
    }
  }

  onPictureLoss(ssrc: number): void {
    if (this.#active && ssrc === this.video?.ssrc) {
      this.#active.pliResponder.onPictureLoss();
    }
  }

  onNack(ssrc: number, sequence: number, following: number): void {
    const { retransmitter, viewerStream } = this.#active ?? {};
    if (!retransmitter || !viewerStream || ssrc !== this.video?.ssrc) {
      return;
    }
    const nowMs = this.#clock.monoMs();
    const sent = retransmitter.onNack(viewerStream.videoSender, sequence, following, nowMs, this.#reports.roundTripMs);
    viewerStream.stream.countSent(sent);
  }

  onEstimate(bitsPerSecond: number): void {
    this.#reports.onEstimate(bitsPerSecond);
  }

  tick(): void {
    const active = this.#active;
    if (!active) {
      return;
    }
    const { viewerStream, adaptation, streamRate, sentRate, link } = active;
    const nowMs = this.#clock.monoMs();
    streamRate.update(this.#stream.bytesReceived, nowMs);
    sentRate.update(viewerStream.bytes, nowMs);
    viewerStream.tick(streamRate.bitsPerSecond);
    if (!this.video) {
      return;
    }
    const statistics = {
      ...this.#reports.takeLoss(this.video.ssrc),
      estimateBitsPerSecond: this.#reports.estimateBitsPerSecond,
      roundTripMs: this.#reports.roundTripMs,
      isCongested: link.transport.isCongested,
      bitsPerSecond: sentRate.bitsPerSecond,
      betterBitsPerSecond: streamRate.bitsPerSecond,
    };
    if (adaptation.tick(statistics, nowMs)) {
      this.#changeLevel(active);
    }
  }

  close(): void {
    this.#active?.pliResponder.close();
    this.#active?.viewerStream.close();
    if (isListed(this)) {
      this.#stream.recipients.end(this);
    }
    this.#stream.removeReader(this);
  }

  onSample(track: number, sample: Sample): void {
    if (sample.key && track === this.#videoTrack && this.#active?.viewerStream.awaitsKeyFrame) {
      // Deferred until the other readers, the packetizer among them, have received the sample.
      queueMicrotask(() => this.#active?.viewerStream.onKeyFrame());
    }
  }

  onTrack(): void {}

  onEnd(cause?: unknown): void {
    this.#ended = cause === undefined ? 'the stream has ended' : explain(cause);
    this.#active?.link.close(this.#ended);
  }

  #watchBurst(active: ActiveViewer, burstLoss: BurstLoss, lost: number, highest: number): void {
    const nowMs = this.#clock.monoMs();
    const provedBitsPerSecond = burstLoss.onReport(lost, highest, nowMs, this.#reports.roundTripMs ?? 0);
    if (provedBitsPerSecond === undefined) {
      return;
    }
    active.pliResponder.reset();
    active.retransmitter?.abandon();
    const isTooMuch = active.viewerStream.onBurstLost(provedBitsPerSecond, burstLoss.maxBitsPerSecond, burstLoss.count);
    if (isTooMuch && active.adaptation.stepDown(nowMs)) {
      this.#changeLevel(active, provedBitsPerSecond);
    }
  }

  #changeLevel(
    { viewerStream, adaptation, retransmitter, streamRate }: ActiveViewer,
    provedBitsPerSecond?: number,
  ): void {
    viewerStream.setLevel(adaptation.level);
    if (retransmitter) {
      retransmitter.isReduced = adaptation.level > 0;
    }
    const { estimateBitsPerSecond } = this.#reports;
    const facts = {
      level: adaptation.level,
      estimateBitsPerSecond: Math.round(estimateBitsPerSecond),
      streamBitsPerSecond: Math.round(streamRate.bitsPerSecond),
      ...(provedBitsPerSecond !== undefined && { provedBitsPerSecond: Math.round(provedBitsPerSecond) }),
    };
    this.#log(adaptation.level > 0 ? LOWERED : RAISED, facts);
  }

  #log(message: string, facts: object): void {
    (this.#options.log ?? silentLogger).info(facts, message);
  }
}

const LOWERED = "WebRTC viewer's network is slower than the stream, quality lowered";
const RAISED = "WebRTC viewer's quality raised";

function keyFrameSource(viewerStream: ViewerStream, onRestart: () => void) {
  return {
    get keyFrameAgeMs(): number | undefined {
      const { source } = viewerStream.videoSender;
      // Both times are on the camera's clock, which may differ from this box's.
      const latestWall = source.lastWall[source.leadingTrack] ?? source.groupWall;
      return source.groupStart < 0 ? undefined : Math.max(0, latestWall - source.groupWall);
    },
    restartAtKey: () => {
      onRestart();
      viewerStream.videoSender.restartAtKey();
    },
    requestKeyFrame: () => viewerStream.stream.requestKeyFrame(),
  };
}
