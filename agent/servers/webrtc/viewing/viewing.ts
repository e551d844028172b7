import { randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { explain, PerchError } from '../../../base/errors.ts';
import type { Sample } from '../../../media/sample.ts';
import type { Reader, Stream } from '../../../stream/stream.ts';
import type { Choices } from '../sdp/codecs.ts';
import type { OutboundTrack } from '../secure/srtp.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../session-media.ts';
import { PacketSender } from './packet-sender.ts';
import { type RtcpSink, readRtcp } from './rtcp.ts';
import { ViewerHealth } from './viewer-health.ts';

/** Room below the first packet index: whoever looks back over the whole history never meets a negative one. */
const HISTORY_PACKETS = 4_096;
const REORDERED = "WebRTC doesn't support H264 streams with B-frames";

/** A stream on its way to one viewer. */
export class Viewing implements Reader, RtcpSink, SessionMedia {
  readonly type = 'webRTCSession';
  readonly countsHolds = true;
  readonly state = 'read';
  readonly id: string;
  readonly cname = randomUUID();
  readonly choices: Choices;
  readonly video: OutboundTrack | undefined;
  readonly audio: OutboundTrack | undefined;
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #health: ViewerHealth;
  #link: SecureLink | undefined;
  #sender: PacketSender | undefined;
  /** The stream's last word, when it came before the viewer. */
  #ended: string | undefined;

  /**
   * Becomes one of the stream's readers. The packets themselves come from the packetizer that all viewers share.
   * @param id of the session
   * @throws PerchError when the stream cannot be watched this way
   */
  constructor(id: string, stream: Stream, choices: Choices, clock: Clock) {
    this.id = id;
    this.choices = choices;
    this.#stream = stream;
    this.#clock = clock;
    this.video = choices.video && outboundTrack(choices.video.format.payloadType);
    this.audio = choices.audio && outboundTrack(choices.audio.format.payloadType);
    this.#health = new ViewerHealth(this.#clockRates(), clock);
    if (choices.video && hasReordering(stream, choices.video.track)) {
      throw new PerchError('badInput', REORDERED);
    }
    stream.addReader(this, false);
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
  }

  get statistics(): MediaStatistics {
    return {
      outboundBytes: this.#sender?.bytes ?? 0,
      outboundPackets: this.#sender?.packets ?? 0,
      outboundReportedLost: this.#health.lost,
      framesDiscarded: this.#sender?.framesDiscarded ?? 0,
      inboundPackets: 0,
      inboundLost: 0,
      jitterSeconds: 0,
      roundTripMs: this.#health.roundTripMs,
    };
  }

  start(link: SecureLink): void {
    if (this.#ended !== undefined) {
      throw new PerchError('notFound', this.#ended);
    }
    this.#link = link;
    const { video, audio } = this.choices;
    const tracks = this.#stream.tracks.map((_, i) =>
      i === video?.track ? this.video : i === audio?.track ? this.audio : undefined,
    );
    this.#sender = new PacketSender({
      link,
      stream: this.#stream,
      tracks,
      videoTrack: video?.track ?? -1,
      cname: this.cname,
      clock: this.#clock,
      onReordered: () => link.close(REORDERED),
    });
  }

  /** Viewers send no media. */
  onRtp(): void {}

  onRtcp(compound: Buffer): void {
    readRtcp(compound, this);
  }

  onReport(ssrc: number, fraction: number, lost: number, jitter: number, lastReport: number, delay: number): void {
    this.#health.onReport(ssrc, fraction, lost, jitter, lastReport, delay);
  }

  onPictureLoss(): void {}

  onNack(): void {}

  onEstimate(bitsPerSecond: number): void {
    this.#health.onEstimate(bitsPerSecond);
  }

  tick(): void {
    this.#sender?.report();
  }

  close(): void {
    this.#sender?.close();
    this.#stream.removeReader(this);
  }

  onSample(): void {}

  onTrack(): void {}

  onEnd(cause?: unknown): void {
    this.#ended = cause === undefined ? 'the stream has ended' : explain(cause);
    this.#link?.close(this.#ended);
  }

  #clockRates(): Map<number, number> {
    const rates = new Map<number, number>();
    const { video, audio } = this.choices;
    if (video && this.video) {
      rates.set(this.video.ssrc, video.format.clockRate);
    }
    if (audio && this.audio) {
      rates.set(this.audio.ssrc, audio.format.clockRate);
    }
    return rates;
  }
}

function outboundTrack(payloadType: number): OutboundTrack {
  return {
    ssrc: randomInt(1, 2 ** 32),
    payloadType,
    timestampOffset: randomInt(0, 2 ** 32),
    packetIndex: randomInt(0, 2 ** 15) + HISTORY_PACKETS,
    packets: 0,
    octets: 0,
  };
}

/** Looks into the stream's last group: a viewer of a stream with B-frames is told at once, not after its first picture. */
function hasReordering(stream: Stream, videoTrack: number): boolean {
  let found = false;
  const probe: Reader = {
    type: 'hidden',
    id: 'b-frame-probe',
    countsHolds: true,
    onSample: (track: number, sample: Sample) => {
      found ||= track === videoTrack && sample.pts !== sample.dts;
    },
    onTrack: () => {},
    onEnd: () => {},
  };
  stream.addReader(probe, true);
  stream.removeReader(probe);
  return found;
}
