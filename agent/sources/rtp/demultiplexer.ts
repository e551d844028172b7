import { rethrowUnexpected } from '../../base/errors.ts';
import { parseRtcp, type RtcpSink, type SenderInfo } from '../../media/rtcp/parse.ts';
import type { SourceStatistics } from '../../stream/contracts.ts';
import type { ReceivedTracks } from '../../stream/ingest/received-tracks.ts';
import { NO_STATISTICS, plus, type ReceivedTrack, statisticsOf } from '../../stream/ingest/source-statistics.ts';
import type { TrackReceiver } from '../../stream/ingest/track-receiver.ts';

const PAYLOAD_TYPES = 128;

/** Hands the packets of several tracks on one port to their receivers, by payload type. */
export class RtpDemultiplexer implements RtcpSink {
  /** Packets of unknown payload types, and what is neither RTP nor RTCP. */
  #unknown = 0;
  readonly #tracks: ReceivedTracks;
  readonly #byType: (TrackReceiver | undefined)[] = new Array(PAYLOAD_TYPES).fill(undefined);
  readonly #kind: ReceivedTrack['kind'];
  readonly #fail: (cause: unknown) => void;

  /** @param fail called with errors of the media */
  constructor(tracks: ReceivedTracks, kind: ReceivedTrack['kind'], fail: (cause: unknown) => void) {
    this.#tracks = tracks;
    this.#kind = kind;
    this.#fail = fail;
    for (const receiver of tracks.receivers) {
      receiver.reorder();
      this.#byType[receiver.format.payloadType] = receiver;
    }
    for (const receiver of tracks.receivers) {
      for (const type of receiver.payloadTypes) {
        this.#byType[type] ??= receiver;
      }
    }
  }

  get statistics(): SourceStatistics {
    const { receivers, timeline } = this.#tracks;
    const sum = receivers
      .map((receiver) => statisticsOf({ receiver, kind: this.#kind, strangers: 0 }))
      .reduce(plus, NO_STATISTICS);
    return { ...sum, badPackets: sum.badPackets + this.#unknown, clockOffsetMs: timeline.clockOffsetMs };
  }

  /** A packet in `chunk[start, end)`, valid during the call only. */
  push(chunk: Uint8Array, start: number, end: number, atMs: number): void {
    const type = end - start >= 2 ? (chunk[start + 1] as number) : -1;
    // RFC 5761 §4: RTCP on the same port.
    if (type >= 192 && type <= 223) {
      this.#control(chunk, start, end);
      return;
    }
    const receiver = type < 0 ? undefined : this.#byType[type & 0x7f];
    if (!receiver) {
      this.#unknown += 1;
      return;
    }
    try {
      receiver.packet(chunk, start, end, atMs);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  flush(nowMs: number): void {
    for (const receiver of this.#tracks.receivers) {
      receiver.flush(nowMs);
    }
  }

  onSenderReport(info: SenderInfo): void {
    this.#receiverOf(info.ssrc)?.onSenderReport(info);
  }

  onBye(ssrc: number): void {
    this.#receiverOf(ssrc)?.onBye(ssrc);
  }

  #control(chunk: Uint8Array, start: number, end: number): void {
    try {
      parseRtcp(chunk, start, end, this);
    } catch (cause) {
      rethrowUnexpected(cause);
      this.#unknown += 1;
    }
  }

  /** The receiver that RTCP of an SSRC is about. A single receiver gets it whatever the SSRC: some senders use another one in RTCP. */
  #receiverOf(ssrc: number): TrackReceiver | undefined {
    const { receivers } = this.#tracks;
    return receivers.length === 1 ? receivers[0] : receivers.find((receiver) => receiver.ssrc === ssrc);
  }
}
