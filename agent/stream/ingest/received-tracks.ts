import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { isRelayable } from '../../media/codecs.ts';
import type { SenderTraits } from '../../media/payload/depacketizer.ts';
import { describeOffer } from '../../media/sdp/describe-format.ts';
import { formatsByType, relayKindOf, type Sdp, type SdpMedia } from '../../media/sdp/parse.ts';
import type { StreamSink } from '../contracts.ts';
import { isRelayed } from './inbound-track.ts';
import { MultiplexInput } from './multiplex-input.ts';
import { StreamWriter } from './stream-writer.ts';
import { Timeline } from './timeline.ts';
import { TrackReceiver } from './track-receiver.ts';
import type { TrackTimeline } from './track-timeline.ts';

interface ReceivedTracksOptions {
  /** Name of the path, for messages. */
  readonly name: string;
  /** Without media for this long the connection ends. */
  readonly readTimeoutMs: number;
  readonly useAbsoluteTimestamp?: boolean | undefined;
  /** False: audio is left out. */
  readonly audio?: boolean | undefined;
}

/** The tracks of one connection to a source that sends RTP in real time: turns their packets into a stream. */
export class ReceivedTracks {
  /** Filled by the owner before the first packet. */
  readonly receivers: TrackReceiver[] = [];
  readonly timeline: Timeline;
  readonly writer: StreamWriter;
  readonly #sender: 'camera' | 'sender';
  readonly #sink: StreamSink;
  readonly #options: ReceivedTracksOptions;
  readonly #name: string;
  readonly #readTimeoutMs: number;
  /** `camera of path 'x'` */
  readonly #subject: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #reportedClocks = new Set<TrackTimeline>();
  readonly #loggedFaults = new Map<TrackReceiver, number>();
  #multiplex: MultiplexInput | undefined;

  /** @param sender for messages */
  constructor(
    sender: 'camera' | 'sender',
    sink: StreamSink,
    options: ReceivedTracksOptions,
    clock: Clock,
    log: Logger,
  ) {
    this.#sender = sender;
    this.#sink = sink;
    this.#options = options;
    this.#name = options.name;
    this.#readTimeoutMs = options.readTimeoutMs;
    this.#subject = `${sender} of path '${options.name}'`;
    this.#clock = clock;
    this.#log = log;
    this.timeline = new Timeline(clock, options.useAbsoluteTimestamp, true);
    this.writer = new StreamWriter(sink, this.timeline, this.receivers, options.name, log, sender);
  }

  /** Delay that all readers tolerate; 0 while a time comes from arrival, and before the stream is open. */
  get toleratedDelayMs(): number {
    return this.receivers.some(({ timeline }) => timeline.followsArrival) ? 0 : this.writer.toleratedDelayMs;
  }

  /** Called before `choose` for the only track: the streams of its transport stream become the tracks. */
  demuxMpegts(): void {
    const { name, readTimeoutMs, audio } = this.#options;
    const options = { name, readTimeoutMs, audio, sender: this.#sender };
    this.#multiplex = new MultiplexInput(this.#sink, options, this.#clock, this.#log);
  }

  /** A receiver of the first supported format; undefined for unknown codecs. */
  choose(media: SdpMedia, traits?: SenderTraits): TrackReceiver | undefined {
    const output = this.#multiplex ?? this.writer;
    const others = formatsByType(media);
    for (const format of media.formats) {
      const receiver = new TrackReceiver(format, this.timeline, output, this.#clock, traits, others);
      if (receiver.isSupported) {
        return receiver;
      }
    }
    return undefined;
  }

  /** A receiver that passes on the first format without a codec as it is, to RTSP readers. */
  relay(media: SdpMedia): TrackReceiver | undefined {
    const relayAs = relayKindOf(media);
    const format = media.formats.find(isRelayable);
    const others = formatsByType(media);
    return relayAs && format && new TrackReceiver(format, this.timeline, this.writer, this.#clock, { relayAs }, others);
  }

  offersNothing(sdp: Sdp, hasAudio: boolean): PerchError {
    const offer = describeOffer(sdp.medias.flatMap(({ formats }) => formats));
    const reason = hasAudio ? 'none of which is supported' : 'of which nothing is left without audio (audio: no)';
    return new PerchError('unsupported', `${this.#subject} offers ${offer}, ${reason}`, { path: this.#name });
  }

  /** Called at intervals. @throws PerchError when all media has ended, or the picture */
  check(nowMs: number, startedMs: number): void {
    const media = this.receivers.filter((receiver) => !isRelayed(receiver));
    const lastMediaMs = media.reduce((lastMs, { lastPacketMs }) => Math.max(lastMs, lastPacketMs), startedMs);
    const silentMs = nowMs - lastMediaMs;
    const context = { path: this.#name, absence: 'refuses' };
    if (silentMs >= this.#readTimeoutMs) {
      const stray = this.receivers.find(({ packets, damage }) => packets === 0 && damage !== undefined)?.damage;
      const only = stray === undefined ? '' : `, only ${stray}`;
      const message = `${this.#subject} has sent no media for ${this.#readTimeoutMs / 1000} s${only}`;
      throw new PerchError('timeout', message, context);
    }
    if (media.every((receiver) => receiver.hasLeft)) {
      throw new PerchError('unavailable', `${this.#subject} ended the stream`, context);
    }
    if (this.#multiplex) {
      this.#multiplex.check();
      return;
    }
    this.writer.check(nowMs);
    this.writer.checkPictures(nowMs, startedMs, silentMs, this.#readTimeoutMs);
  }

  /** Logs faults of packets, summed up, and wrong clocks once. @param facts about the connection */
  logFaults(facts: Readonly<Record<string, number>> = {}): void {
    for (const receiver of this.receivers) {
      const { foreignPackets, format, late, timeline } = receiver;
      const { badPackets, sequence } = receiver.reception;
      const { lost } = sequence;
      const faults = badPackets + foreignPackets + lost + late + timeline.jumps;
      if (faults > (this.#loggedFaults.get(receiver) ?? 0)) {
        this.#loggedFaults.set(receiver, faults);
        const counts = {
          codec: format.encoding,
          lost,
          late,
          badPackets,
          foreignPackets,
          jumps: timeline.jumps,
          ...facts,
        };
        this.#log.debug(counts, 'faulty packets from the camera');
      }
      const { fault } = timeline;
      if (fault !== undefined && !this.#reportedClocks.has(timeline)) {
        this.#reportedClocks.add(timeline);
        this.#log.warn({ codec: format.encoding, fault }, 'wrong camera clock, media times follow arrival');
      }
    }
  }
}
