import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { ReadRounds } from '../../base/time/read-rounds.ts';
import { everyTogether } from '../../base/time/shared-timer.ts';
import { isSupported } from '../../media/codecs.ts';
import type { SenderTraits } from '../../media/payload/depacketizer.ts';
import { writeEmptyReport, writePli } from '../../media/rtcp/write.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';
import type { RtpInfo } from '../../media/rtsp/rtp-info.ts';
import { describeFormat } from '../../media/sdp/describe-format.ts';
import type { SdpMedia } from '../../media/sdp/parse.ts';
import type { SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { isRelayed } from '../../stream/ingest/inbound-track.ts';
import { isMpegts } from '../../stream/ingest/multiplex-input.ts';
import { ReceivedTracks } from '../../stream/ingest/received-tracks.ts';
import { RECEIVER_CNAME } from '../../stream/ingest/reception.ts';
import { NO_STATISTICS, plus, statisticsOf } from '../../stream/ingest/source-statistics.ts';
import type { TrackReceiver } from '../../stream/ingest/track-receiver.ts';
import { type Address, joinControl } from '../../transports/rtsp/request/address.ts';
import type { RtspConnection } from '../../transports/rtsp/request/connection.ts';
import type { Description, MethodClient } from '../../transports/rtsp/request/method-client.ts';
import type { RtspSourceOptions } from './request/settings.ts';
import { TrackTransports } from './transport/track-transports.ts';
import { TRANSPORT_NAME, type Transport, TransportRefused } from './transport/transport-choice.ts';

const WINDOW_MS = 10_000;
/** Share of lost packets above which UDP is given up, if TCP is left to try. */
const MAX_LOSS = 0.005;

/** Packet loss of a session in the last ten seconds. */
export class LossWatch {
  readonly #ticks: { readonly atMs: number; readonly packets: number; readonly lost: number }[] = [];

  /**
   * Called at intervals with the counts since the start of the session.
   * @returns the lost share, 0 to 1, if it exceeds the limit over ten seconds
   */
  tick(nowMs: number, packets: number, lost: number): number | undefined {
    const ticks = this.#ticks;
    ticks.push({ atMs: nowMs, packets, lost });
    while (ticks[1] && nowMs - ticks[1].atMs >= WINDOW_MS) {
      ticks.shift();
    }
    const first = ticks[0];
    if (!first || nowMs - first.atMs < WINDOW_MS) {
      return undefined;
    }
    const lately = lost - first.lost;
    const share = lately / (packets - first.packets + lately);
    // Fewer lost packets say nothing about the link.
    return lately >= 5 && share > MAX_LOSS ? share : undefined;
  }
}

/** Shortest time between requests for a key frame (PLI). */
const KEY_FRAME_EVERY_MS = 1_000;
const MAX_TRACKS = 8;
const TICK_MS = 500;
const REPORT_EVERY_MS = 5_000;

interface SessionOptions extends RtspSourceOptions {
  /** Longest pause between keep-alives. */
  readonly keepAliveMs?: number;
  /** Formats without a codec are not set up. */
  readonly leavesUnknown?: boolean;
  /** Header fields of PLAY. */
  readonly playFields: readonly HeaderField[];
}

interface PlayAttempt {
  readonly transport: Transport;
  /** Time without a packet after which the transport is abandoned, or undefined if it is the only one. */
  readonly silenceMs: number | undefined;
  /** TCP can be tried if this transport loses too many packets. */
  readonly isTcpLeft: boolean;
  /** Called for the first packet. */
  readonly onMedia: () => void;
}

/** One playing session: sets up its tracks, plays them, and ends when they fail. */
export class RtspSession {
  readonly #connection: RtspConnection;
  readonly #client: MethodClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #name: string;
  readonly #hasAudio: boolean;
  readonly #demuxesMpegts: boolean;
  readonly #address: Address;
  readonly #tracks: ReceivedTracks;
  readonly #transports: TrackTransports;
  readonly #longestKeepAliveMs: number;
  readonly #traits: SenderTraits;
  readonly #loss = new LossWatch();
  readonly #leavesUnknown: boolean;
  /** The peer is a paired box, which takes all requests of a connection for one session: SETUP and PLAY do not wait for replies. */
  readonly #isPipelined: boolean;
  readonly #playFields: readonly HeaderField[];
  #playing: Promise<readonly RtpInfo[]> | undefined;
  /** SETUP of a format without a codec was sent, and PLAY is not answered yet. */
  asksForUnknown = false;
  #keyFrameAskedMs = Number.NEGATIVE_INFINITY;
  #hasMedia = false;
  /** Ends `play` while the connection is open, so that TEARDOWN can be sent. */
  #giveUp: (cause: unknown) => void = () => {};

  constructor(
    connection: RtspConnection,
    client: MethodClient,
    address: Address,
    sink: StreamSink,
    options: SessionOptions,
    clock: Clock,
    log: Logger,
  ) {
    this.#connection = connection;
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
    this.#name = options.name;
    this.#hasAudio = options.audio ?? true;
    this.#demuxesMpegts = options.rtspDemuxMpegts ?? false;
    this.#leavesUnknown = options.leavesUnknown ?? false;
    this.#isPipelined = options.box !== undefined;
    this.#playFields = options.playFields;
    this.#address = address;
    // Half of RFC 2326's default session timeout; also for cameras with a longer timeout.
    this.#longestKeepAliveMs = options.keepAliveMs ?? 30_000;
    this.#traits = { hasDoubtfulMarkers: true, continuesAfterLoss: options.continueAfterLoss ?? false };
    this.#tracks = new ReceivedTracks('camera', sink, options, clock, log);
    this.#tracks.writer.onUrgentReader = () => this.#readAtOnce();
    this.#transports = new TrackTransports(connection, client, address, options, clock);
  }

  get statistics(): SourceStatistics {
    const { clockOffsetMs } = this.#tracks.timeline;
    return { ...this.#transports.all.map(statisticsOf).reduce(plus, NO_STATISTICS), clockOffsetMs };
  }

  /**
   * SETUP of each supported track. Audio that the camera refuses to set up is left out.
   * @throws TransportRefused when the camera rejects this transport; another may be tried unless `hasBegun`
   */
  async setup({ sdp, base }: Description, transport: Transport): Promise<void> {
    const refusals: (readonly [TrackReceiver, unknown])[] = [];
    const wanted = sdp.medias.filter((media) => this.#wants(media));
    const offered = this.#choose(wanted);
    this.#transports.checkSecrecy(
      offered.map(({ media }) => media),
      transport,
    );
    const setUp = ({ media, receiver }: (typeof offered)[number], at?: number): Promise<void> =>
      this.#transports.add(receiver, joinControl(this.#address, base, media.control), transport, media, at);
    const asked = this.#isPipelined ? offered.slice(0, MAX_TRACKS).map(setUp) : [];
    this.#playing = this.#isPipelined ? this.#client.play(this.#playFields) : undefined;
    // Marks all promises as handled: when an earlier one fails, the later ones are not awaited.
    void Promise.allSettled([...asked, this.#playing]);
    for (const [at, one] of offered.entries()) {
      const { receiver } = one;
      if (this.#tracks.receivers.length >= MAX_TRACKS) {
        break;
      }
      this.asksForUnknown ||= isRelayed(receiver);
      try {
        await (asked[at] ?? setUp(one));
        this.#tracks.receivers.push(receiver);
      } catch (error) {
        this.#throwUnlessOptional(receiver, error);
        refusals.push([receiver, error]);
      }
    }
    // A session needs a track that is not merely relayed.
    if (this.#tracks.receivers.every(isRelayed)) {
      const refusal = refusals.find(([receiver]) => !isRelayed(receiver));
      throw refusal ? this.#asBegun(refusal[1]) : this.#tracks.offersNothing(sdp, this.#hasAudio);
    }
    const isLeftOut = (media: SdpMedia) => !offered.some((one) => one.media === media);
    const unknown = wanted.filter((media) => isLeftOut(media) && (media.kind === 'audio' || media.kind === 'video'));
    for (const { kind, formats } of unknown) {
      this.#log.warn({ kind, formats: formats.map(describeFormat) }, 'camera offers an unsupported track');
    }
    for (const [{ format }, cause] of refusals) {
      this.#log.warn({ codec: format.encoding, reason: explain(cause) }, 'camera refuses to set up a track');
    }
  }

  /** The media to set up, each with its receiver. */
  #choose(wanted: readonly SdpMedia[]): { readonly media: SdpMedia; readonly receiver: TrackReceiver }[] {
    if (this.#demuxesMpegts && isMpegts(wanted)) {
      this.#tracks.demuxMpegts();
    }
    // Tracks of unknown format are relayed only next to supported ones: alone they are of no use to most readers.
    const relays = !this.#leavesUnknown && wanted.some(({ formats }) => formats.some(isSupported));
    return wanted.flatMap((media) => {
      const receiver = this.#tracks.choose(media, this.#traits) ?? (relays ? this.#tracks.relay(media) : undefined);
      return receiver ? [{ media, receiver }] : [];
    });
  }

  /** PLAY; returns when `signal` aborts. @throws when the connection ends or the media fails */
  async play(attempt: PlayAttempt, signal: AbortSignal): Promise<void> {
    this.#transports.open();
    const infos = await (this.#playing ?? this.#client.play(this.#playFields));
    this.asksForUnknown = false;
    this.#transports.begin(infos);
    const givenUp = new Promise<unknown>((resolve) => {
      this.#giveUp = resolve;
    });
    const startedMs = this.#clock.monoMs();
    const keepAliveMs = Math.min(this.#longestKeepAliveMs, this.#client.sessionMs / 2);
    let keepAliveAtMs = startedMs + keepAliveMs;
    let reportAtMs = startedMs + REPORT_EVERY_MS;
    const stop = everyTogether(this.#clock, TICK_MS, () => {
      const nowMs = this.#clock.monoMs();
      if (nowMs >= keepAliveAtMs) {
        keepAliveAtMs = nowMs + keepAliveMs;
        this.#client.keepAlive();
      }
      if (nowMs >= reportAtMs) {
        reportAtMs = nowMs + REPORT_EVERY_MS;
        this.#report();
      }
      try {
        this.#transports.tick(nowMs);
        this.#askForLostPictures(nowMs);
        this.#watchStart(nowMs - startedMs, attempt);
        this.#watchLoss(nowMs, attempt);
        this.#tracks.check(nowMs, startedMs);
        this.#readInRounds(ReadRounds.within(this.#toleratedDelayMs, nowMs - startedMs, this.#clock));
      } catch (cause) {
        this.#giveUp(cause);
      }
    });
    const over = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { signal: over.signal });
    });
    try {
      signal.throwIfAborted();
      const cause = await Promise.race([this.#connection.ended, givenUp, aborted]);
      if (!signal.aborted) {
        this.#client.judgeKeepAlive(this.#clock.monoMs() - startedMs);
        throw cause;
      }
    } finally {
      over.abort();
      stop();
    }
  }

  close(): void {
    this.#readAtOnce();
    this.#transports.close();
  }

  /** Delay that all readers tolerate. 0 for TLS and tunnels, which may hold back data that a read in rounds would miss. */
  get #toleratedDelayMs(): number {
    const { isSecure, tunnel } = this.#address;
    return isSecure || tunnel !== 'none' ? 0 : this.#tracks.toleratedDelayMs;
  }

  #readInRounds(rounds: ReadRounds | undefined): void {
    this.#connection.rounds = rounds;
    for (const transport of this.#transports.all) {
      transport.readInRounds?.(rounds);
    }
  }

  #readAtOnce(): void {
    this.#readInRounds(undefined);
    this.#connection.read();
  }

  #wants({ kind, isBackChannel, direction }: SdpMedia): boolean {
    return !isBackChannel && direction !== 'inactive' && (this.#hasAudio || kind !== 'audio');
  }

  /** Audio is optional, video is not. */
  #throwUnlessOptional(receiver: TrackReceiver, error: unknown): void {
    const isRefusal = error instanceof TransportRefused;
    if (receiver.isVideo || !(isRefusal || (error instanceof PerchError && error.code !== 'unauthorized'))) {
      throw this.#asBegun(error);
    }
  }

  #asBegun(error: unknown): unknown {
    return error instanceof TransportRefused
      ? new TransportRefused(error.cause, error.hasBegun || this.#tracks.receivers.length > 0)
      : error;
  }

  #report(): void {
    this.#tracks.logFaults({ junkBytes: this.#connection.junkBytes });
    for (const transport of this.#transports.all) {
      const { receiver } = transport;
      const packet = receiver.receiverReport(this.#transports.ssrc);
      if (packet) {
        transport.sendControl(packet);
      }
    }
  }

  /** A silent transport is given up before the read timeout, if another is left. */
  #watchStart(playingMs: number, { transport, silenceMs, onMedia }: PlayAttempt): void {
    if (this.#hasMedia) {
      return;
    }
    if (this.#tracks.receivers.some(({ packets }) => packets > 0)) {
      this.#hasMedia = true;
      onMedia();
    } else if (silenceMs !== undefined && playingMs >= silenceMs) {
      const message = `camera of path '${this.#name}' has sent nothing over ${TRANSPORT_NAME[transport]} for ${silenceMs / 1000} s`;
      throw new TransportRefused(new PerchError('timeout', message, { path: this.#name }), true);
    }
  }

  /** Requests key frames after losses; not over TCP, which loses no packets. */
  #askForLostPictures(nowMs: number): void {
    if (nowMs - this.#keyFrameAskedMs < KEY_FRAME_EVERY_MS) {
      return;
    }
    for (const transport of this.#transports.all) {
      const { isVideo, damage, ssrc } = transport.receiver;
      if (isVideo && damage !== undefined && transport.kind !== 'TCP') {
        this.#keyFrameAskedMs = nowMs;
        // Compound packets begin with a report, RFC 4585 §3.1.
        const report = writeEmptyReport(this.#transports.ssrc, RECEIVER_CNAME);
        const pli = writePli(this.#transports.ssrc, ssrc);
        const packet = new Uint8Array(report.length + pli.length);
        packet.set(report);
        packet.set(pli, report.length);
        transport.sendControl(packet);
        this.#tracks.writer.requestKeyFrame();
      }
    }
  }

  #watchLoss(nowMs: number, { transport, isTcpLeft }: PlayAttempt): void {
    const { packets, lost } = this.statistics;
    const share = isTcpLeft && transport !== 'tcp' ? this.#loss.tick(nowMs, packets, lost) : undefined;
    if (share !== undefined) {
      const percent = (100 * share).toFixed(1);
      const message = `${percent} % of the packets from the camera of path '${this.#name}' are lost over ${TRANSPORT_NAME[transport]}`;
      throw new TransportRefused(new PerchError('unavailable', message, { path: this.#name }), true);
    }
  }
}
