import { randomInt } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Pair } from '../../media/rtsp/transport.ts';
import type { SdpMedia } from '../../media/sdp/parse.ts';
import { Opening } from '../../stream/ingest/opening.ts';
import type { StreamSink } from '../../stream/ingest/stream-sink.ts';
import { Timeline } from '../../stream/ingest/timeline.ts';
import { TrackReceiver } from '../../stream/ingest/track-receiver.ts';
import { type Address, joinControl } from './address.ts';
import type { FrameSink, RtspConnection } from './connection.ts';
import type { Description, Dialogue } from './dialogue.ts';

const MAX_TRACKS = 8;
/** So long we wait for a whole picture after damage: a new connection begins with one. */
const BROKEN_PICTURE_MS = 30_000;
const TICK_MS = 500;
const REPORT_EVERY_MS = 5_000;
/** Half of RFC 2326's session timeout; longer ones of the camera's do not make it longer. */
const LONGEST_KEEP_ALIVE_MS = 30_000;

interface Lane {
  readonly receiver: TrackReceiver;
  readonly rtcpChannel: number;
}

/** One playing session: which channel belongs to which track, and the watch over it. */
export class RtspSession implements FrameSink {
  readonly #connection: RtspConnection;
  readonly #dialogue: Dialogue;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #name: string;
  readonly #readTimeoutMs: number;
  readonly #timeline: Timeline;
  readonly #opening: Opening;
  readonly #receivers: TrackReceiver[] = [];
  readonly #lanes: Lane[] = [];
  readonly #byRtpChannel: (TrackReceiver | undefined)[] = new Array(256).fill(undefined);
  readonly #byRtcpChannel: (TrackReceiver | undefined)[] = new Array(256).fill(undefined);
  readonly #ssrc = randomInt(1, 2 ** 32);
  readonly #toldFaults = new Map<TrackReceiver, number>();
  #lastMediaMs = 0;

  constructor(
    connection: RtspConnection,
    dialogue: Dialogue,
    sink: StreamSink,
    options: { readonly name: string; readonly readTimeoutMs: number },
    clock: Clock,
    log: Logger,
  ) {
    this.#connection = connection;
    this.#dialogue = dialogue;
    this.#clock = clock;
    this.#log = log;
    this.#name = options.name;
    this.#readTimeoutMs = options.readTimeoutMs;
    this.#timeline = new Timeline(clock);
    this.#opening = new Opening(sink, this.#timeline, this.#receivers, options.name, log);
  }

  /** SETUP of every track that we can take. Sound that the camera refuses to set up is done without. */
  async setup(address: Address, { sdp, base }: Description): Promise<void> {
    let refusal: unknown;
    for (const media of sdp.medias) {
      const receiver = this.#receivers.length < MAX_TRACKS ? this.#choose(media) : undefined;
      if (receiver) {
        const channel = 2 * this.#lanes.length;
        const uri = joinControl(address, base, media.control);
        try {
          const transport = await this.#dialogue.setup(uri, channel);
          this.#assign(receiver, transport.interleaved, channel);
        } catch (error) {
          if (receiver.isVideo || !(error instanceof PerchError) || error.code === 'unauthorized') {
            throw error;
          }
          refusal ??= error;
          this.#log.warn(
            { codec: receiver.format.encoding, reason: explain(error) },
            'camera refuses to set up a track',
          );
        }
      }
    }
    if (this.#receivers.length === 0) {
      if (refusal !== undefined) {
        throw refusal;
      }
      const offered = sdp.medias.flatMap((media) => media.formats.map((format) => format.encoding));
      const list = offered.length > 0 ? offered.join(', ') : 'nothing';
      throw new PerchError('unsupported', `camera of path '${this.#name}' offers ${list}, none of which can be taken`);
    }
  }

  /** PLAY, then until the connection ends, the camera falls silent or `signal` aborts. */
  async play(signal: AbortSignal): Promise<void> {
    // Some cameras send before they answer PLAY.
    this.#lastMediaMs = this.#clock.monoMs();
    this.#connection.frames = this;
    await this.#dialogue.play();
    const startedMs = this.#clock.monoMs();
    const keepAliveMs = Math.min(LONGEST_KEEP_ALIVE_MS, this.#dialogue.sessionMs / 2);
    let keepAliveAtMs = startedMs + keepAliveMs;
    let reportAtMs = startedMs + REPORT_EVERY_MS;
    const stop = this.#clock.every(TICK_MS, () => {
      const nowMs = this.#clock.monoMs();
      if (nowMs >= keepAliveAtMs) {
        keepAliveAtMs = nowMs + keepAliveMs;
        this.#dialogue.keepAlive();
      }
      if (nowMs >= reportAtMs) {
        reportAtMs = nowMs + REPORT_EVERY_MS;
        this.#report();
      }
      this.#watch(nowMs, startedMs);
    });
    const over = new AbortController();
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { signal: over.signal });
    });
    try {
      signal.throwIfAborted();
      const cause = await Promise.race([this.#connection.ended, aborted]);
      if (!signal.aborted) {
        throw cause;
      }
    } finally {
      over.abort();
      stop();
    }
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const receiver = this.#byRtpChannel[channel];
    if (receiver) {
      const atMs = this.#connection.readAtMs;
      if (receiver.packet(chunk, start, end, atMs)) {
        this.#lastMediaMs = atMs;
      }
      return;
    }
    // Frames on channels that nobody asked for are passed over.
    this.#byRtcpChannel[channel]?.control(chunk, start, end);
  }

  /** The first format that we can take; back channels, metadata and what nobody can decode are left alone. */
  #choose(media: SdpMedia): TrackReceiver | undefined {
    if (media.isBackChannel || media.direction === 'inactive') {
      return undefined;
    }
    for (const format of media.formats) {
      const receiver = new TrackReceiver(format, this.#timeline, this.#opening, this.#clock);
      if (receiver.isSupported) {
        return receiver;
      }
    }
    return undefined;
  }

  #assign(receiver: TrackReceiver, answered: Pair | undefined, asked: number): void {
    // A camera that gives two tracks the same channels means those that were asked for.
    const isTaken = answered === undefined || this.#byRtpChannel[answered[0]] !== undefined;
    const [rtp, rtcp] = isTaken ? [asked, asked + 1] : answered;
    this.#byRtpChannel[rtp] = receiver;
    this.#byRtcpChannel[rtcp] = receiver;
    this.#receivers.push(receiver);
    this.#lanes.push({ receiver, rtcpChannel: rtcp });
  }

  #report(): void {
    for (const { receiver, rtcpChannel } of this.#lanes) {
      this.#tally(receiver);
      const packet = receiver.receiverReport(this.#ssrc);
      if (packet) {
        this.#connection.sendFrame(rtcpChannel, packet);
      }
    }
  }

  /** What went wrong packet by packet is told in sum. */
  #tally(receiver: TrackReceiver): void {
    const { badPackets, format, sequence, timeline } = receiver;
    const faults = badPackets + sequence.lost + sequence.late + timeline.jumps;
    if (faults > (this.#toldFaults.get(receiver) ?? 0)) {
      this.#toldFaults.set(receiver, faults);
      const { lost, late } = sequence;
      const { junkBytes } = this.#connection;
      const facts = { codec: format.encoding, lost, late, badPackets, jumps: timeline.jumps, junkBytes };
      this.#log.debug(facts, 'camera sends with faults');
    }
  }

  #watch(nowMs: number, startedMs: number): void {
    const silentMs = nowMs - this.#lastMediaMs;
    const context = { path: this.#name };
    if (silentMs >= this.#readTimeoutMs) {
      const message = `camera of path '${this.#name}' has sent no media for ${this.#readTimeoutMs / 1000} s`;
      this.#connection.fail(new PerchError('timeout', message, context));
    } else if (this.#receivers.every((receiver) => receiver.hasLeft)) {
      this.#connection.fail(new PerchError('unavailable', `camera of path '${this.#name}' ended the stream`, context));
    } else {
      try {
        this.#opening.check(nowMs - startedMs);
        this.#watchPicture(nowMs, startedMs);
      } catch (cause) {
        this.#connection.fail(cause);
      }
    }
  }

  /** Sound does not keep a connection whose picture has stopped, nor do packets that never make a whole one. */
  #watchPicture(nowMs: number, startedMs: number): void {
    for (const receiver of this.#receivers) {
      if (!receiver.isVideo || receiver.packets === 0 || this.#opening.hasLeftOut(receiver)) {
        continue;
      }
      const { encoding } = receiver.format;
      const context = { path: this.#name, codec: encoding };
      if (nowMs - receiver.lastPacketMs >= this.#readTimeoutMs) {
        const message = `camera of path '${this.#name}' has sent no picture for ${this.#readTimeoutMs / 1000} s, only sound`;
        throw new PerchError('timeout', message, context);
      }
      if (nowMs - Math.max(startedMs, receiver.lastUnitMs) >= BROKEN_PICTURE_MS) {
        const message = `camera of path '${this.#name}' sends ${encoding}, but no whole picture for ${BROKEN_PICTURE_MS / 1000} s`;
        throw new PerchError('unavailable', message, context);
      }
    }
  }
}
