import type { RemoteInfo } from 'node:dgram';
import type { RtpPackets, RtpViewer } from '../../stream/rtp-packets.ts';
import type { Stream } from '../../stream/stream.ts';
import { writeSenderReport } from './rtcp.ts';
import { Srtcp } from './srtcp.ts';
import { type Batch, MAX_BATCH, type OutboundTrack, SrtpSender, type Target } from './srtp.ts';
import { AUTH_TAG_BYTES, type SrtpKeys } from './srtp-keys.ts';

/** The part of the UDP port that a sender needs. */
export interface PacketPort extends Target {
  /** The network takes less than is sent: nothing more may be queued. */
  readonly isCongested: boolean;
  send(bytes: Uint8Array, offset: number, length: number, to: RemoteInfo): void;
}

const OVERHEAD_BYTES = 12 + AUTH_TAG_BYTES;

// Filled and sent within one call, so all viewers share it.
const batch: { -readonly [K in keyof Batch]: Batch[K] } & { tracks: OutboundTrack[] } = {
  count: 0,
  tracks: [],
  timestamps: new Uint32Array(MAX_BATCH),
  markers: new Uint8Array(MAX_BATCH),
  payloadBytes: new Uint16Array(MAX_BATCH),
  sourceWords: new Uint32Array(MAX_BATCH),
};
const slots = new Uint32Array(MAX_BATCH);

/** Sends a stream's packets to one viewer: from its first key frame on, encrypted with its keys. */
export class PacketSender implements RtpViewer {
  /** Where the viewer is; it may move. */
  to: RemoteInfo;
  bytes = 0;
  packets = 0;
  rtcpPackets = 0;
  /** Pictures that the network did not take in time. */
  framesDiscarded = 0;
  readonly srtcp: Srtcp;
  readonly #port: PacketPort;
  readonly #stream: Stream;
  /** By track number of the stream. */
  readonly #tracks: readonly (OutboundTrack | undefined)[];
  readonly #videoTrack: number;
  readonly #srtp: SrtpSender;
  readonly #onReordered: () => void;
  readonly #onFailed: (cause: unknown) => void;
  #waitsForKey: boolean;
  #hasStarted: boolean;

  /** @param videoTrack the number of the track whose key frames a viewer starts at; -1: sound only */
  constructor(
    port: PacketPort,
    stream: Stream,
    tracks: readonly (OutboundTrack | undefined)[],
    videoTrack: number,
    keys: SrtpKeys,
    to: RemoteInfo,
    onReordered: () => void,
    onFailed: (cause: unknown) => void,
  ) {
    this.#port = port;
    this.#stream = stream;
    this.#tracks = tracks;
    this.#videoTrack = videoTrack;
    this.#waitsForKey = videoTrack >= 0;
    this.#hasStarted = videoTrack < 0;
    this.#srtp = new SrtpSender(keys.localKey, keys.localSalt);
    this.srtcp = new Srtcp(
      { key: keys.localKey, salt: keys.localSalt },
      { key: keys.remoteKey, salt: keys.remoteSalt },
    );
    this.to = to;
    this.#onReordered = onReordered;
    this.#onFailed = onFailed;
  }

  onPackets(packets: RtpPackets, from: number, to: number): void {
    if (this.#port.isCongested) {
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
    this.#onFailed(cause);
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
      const datagram = this.srtcp.protect(report);
      this.#port.send(datagram, 0, datagram.length, this.to);
      this.rtcpPackets += 1;
      this.bytes += datagram.length;
      this.#stream.countSent(datagram.length);
    }
  }

  #send(source: Uint32Array, count: number): void {
    batch.count = count;
    const isFirst = this.packets === 0;
    this.#srtp.protect(batch, source, this.#port, slots);
    let bytes = 0;
    for (let i = 0; i < count; i += 1) {
      const length = (batch.payloadBytes[i] as number) + OVERHEAD_BYTES;
      this.#port.send(this.#port.slots, slots[i] as number, length, this.to);
      bytes += length;
    }
    if (isFirst) {
      // Of a first packet that is lost the viewer never learns: it goes out twice, and the second is taken as a repeat.
      this.#port.send(
        this.#port.slots,
        slots[0] as number,
        (batch.payloadBytes[0] as number) + OVERHEAD_BYTES,
        this.to,
      );
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
