import { explain } from '../../../base/errors.ts';
import type { RtpPackets, RtpViewer } from '../../../stream/rtp-packets.ts';
import type { Stream } from '../../../stream/stream.ts';
import { createSrtpSender } from '../secure/create-srtp-sender.ts';
import { type Batch, MAX_BATCH, type OutboundTrack, type SrtpSender } from '../secure/srtp.ts';
import type { SecureLink } from '../session-media.ts';
import { writeSenderReport } from './rtcp.ts';

// Filled and sent within one call, so all viewers share it.
const batch: { -readonly [K in keyof Batch]: Batch[K] } & { tracks: OutboundTrack[] } = {
  count: 0,
  tracks: [],
  timestamps: new Uint32Array(MAX_BATCH),
  markers: new Uint8Array(MAX_BATCH),
  payloadBytes: new Uint16Array(MAX_BATCH),
  sourceWords: new Uint32Array(MAX_BATCH),
};
const offsets = new Uint32Array(MAX_BATCH);

/** Sends a stream's packets to one viewer: from its first key frame on, encrypted with its keys. */
export class PacketSender implements RtpViewer {
  /** SRTP only: the session counts RTCP. */
  bytes = 0;
  packets = 0;
  /** Pictures that the network did not take in time. */
  framesDiscarded = 0;
  readonly #link: SecureLink;
  readonly #stream: Stream;
  /** By track number of the stream. */
  readonly #tracks: readonly (OutboundTrack | undefined)[];
  readonly #videoTrack: number;
  readonly #srtp: SrtpSender;
  readonly #onReordered: () => void;
  #waitsForKey: boolean;
  #hasStarted: boolean;

  /** @param videoTrack the number of the track whose key frames a viewer starts at; -1: sound only */
  constructor(
    link: SecureLink,
    stream: Stream,
    tracks: readonly (OutboundTrack | undefined)[],
    videoTrack: number,
    onReordered: () => void,
  ) {
    this.#link = link;
    this.#stream = stream;
    this.#tracks = tracks;
    this.#videoTrack = videoTrack;
    this.#waitsForKey = videoTrack >= 0;
    this.#hasStarted = videoTrack < 0;
    this.#srtp = createSrtpSender(link.keys);
    this.#onReordered = onReordered;
  }

  onPackets(packets: RtpPackets, from: number, to: number): void {
    if (this.#link.route.isCongested) {
      this.#discard(packets, from, to);
      return;
    }
    const video = this.#videoTrack;
    let count = 0;
    for (let packet = from; packet < to; packet += 1) {
      const number = packets.trackOf(packet);
      const track = this.#tracks[number];
      if (!track) {
        continue;
      }
      if (number === video && this.#waitsForKey) {
        if (!packets.startsGroup(packet)) {
          this.framesDiscarded += this.#hasStarted ? packets.markerOf(packet) : 0;
          continue;
        }
        this.#waitsForKey = false;
      } else if (!this.#hasStarted && number !== video) {
        continue;
      }
      batch.tracks[count] = track;
      batch.timestamps[count] = packets.timestampOf(packet);
      batch.markers[count] = packets.markerOf(packet);
      batch.payloadBytes[count] = packets.payloadBytesOf(packet);
      batch.sourceWords[count] = packets.wordOf(packet);
      count += 1;
      this.#hasStarted = true;
      if (count === MAX_BATCH) {
        this.#send(packets.words, count);
        count = 0;
      }
    }
    if (count > 0) {
      this.#send(packets.words, count);
    }
  }

  onReordered(): void {
    this.#onReordered();
  }

  onFailed(cause: unknown): void {
    this.#link.close(explain(cause));
  }

  /** A sender report for each track that has been sent: without them sound and picture do not find together. */
  report(packets: RtpPackets, wallMs: number, cname: string): void {
    for (const [number, track] of this.#tracks.entries()) {
      if (!track || track.packets === 0) {
        continue;
      }
      const clockRate = this.#stream.tracks[number]?.clockRate ?? 0;
      const sinceMs = wallMs - (packets.lastWall[number] as number);
      const ticks = Math.round((packets.lastPts[number] as number) + (sinceMs * clockRate) / 1000);
      const report = writeSenderReport({
        ssrc: track.ssrc,
        wallMs,
        timestamp: modulo32(ticks + track.timestampOffset),
        packets: track.packets,
        octets: track.octets,
        cname,
      });
      this.#stream.countSent(this.#link.sendRtcp(report));
    }
  }

  #send(source: Uint32Array, count: number): void {
    batch.count = count;
    const { route, slots } = this.#link;
    const { overheadBytes } = this.#srtp;
    const isFirst = this.packets === 0;
    this.#srtp.protect(batch, source, slots, offsets);
    let bytes = 0;
    for (let i = 0; i < count; i += 1) {
      const length = (batch.payloadBytes[i] as number) + overheadBytes;
      route.send(slots.bytes, offsets[i] as number, length);
      bytes += length;
    }
    if (isFirst) {
      // Of a first packet that is lost the viewer never learns: it goes out twice, and the second is taken as a repeat.
      route.send(slots.bytes, offsets[0] as number, (batch.payloadBytes[0] as number) + overheadBytes);
    }
    this.packets += count;
    this.bytes += bytes;
    this.#stream.countSent(bytes);
  }

  /** The network is slower than the stream: the picture goes on at a key frame, once there is room. */
  #discard(packets: RtpPackets, from: number, to: number): void {
    this.#waitsForKey = this.#videoTrack >= 0;
    for (let packet = from; packet < to; packet += 1) {
      if (packets.markerOf(packet) === 1 && packets.trackOf(packet) === this.#videoTrack) {
        this.framesDiscarded += 1;
      }
    }
  }
}

function modulo32(ticks: number): number {
  return ((ticks % 2 ** 32) + 2 ** 32) % 2 ** 32;
}
