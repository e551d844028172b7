import type { Pair } from '../../../media/rtsp/transport.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { FrameSink, RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import { EarlyPackets, type TrackTransport } from './track-transport.ts';

const CHANNELS = 256;
/** RTP and RTCP within the RTSP connection (RFC 2326 §10.12): which channel belongs to which track. */
export class Interleaved implements FrameSink {
  readonly #connection: RtspConnection;
  readonly #byRtpChannel: (TrackReceiver | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #byRtcpChannel: (TrackReceiver | undefined)[] = new Array(CHANNELS).fill(undefined);
  /** Undefined after all tracks are set up. */
  #kept: EarlyPackets | undefined = new EarlyPackets();

  constructor(connection: RtspConnection) {
    this.#connection = connection;
  }

  /** @param answered the camera's channels; `asked`: the first requested one */
  trackTransport(receiver: TrackReceiver, answered: Pair | undefined, asked: number): TrackTransport {
    // A camera that gives two tracks the same channels uses the requested ones.
    const isTaken = answered === undefined || this.#byRtpChannel[answered[0]] !== undefined;
    const [rtp, rtcp] = isTaken ? [asked, asked + 1] : answered;
    this.#byRtpChannel[rtp] = receiver;
    this.#byRtcpChannel[rtcp] = receiver;
    return new InterleavedTrackTransport(receiver, this.#connection, rtcp);
  }

  /** Passes on the early packets, and from now on every packet at once. */
  open(): void {
    const kept = this.#kept?.take() ?? [];
    this.#kept = undefined;
    for (const { channel, packet, atMs } of kept) {
      this.#handOn(packet, channel, 0, packet.length, atMs);
    }
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const atMs = this.#connection.readAtMs;
    if (this.#kept) {
      this.#kept.keep(channel, chunk.slice(start, end), atMs);
    } else {
      this.#handOn(chunk, channel, start, end, atMs);
    }
  }

  #handOn(chunk: Uint8Array, channel: number, start: number, end: number, atMs: number): void {
    const receiver = this.#byRtpChannel[channel];
    if (receiver) {
      receiver.packet(chunk, start, end, atMs);
      return;
    }
    // Frames on unknown channels are dropped.
    this.#byRtcpChannel[channel]?.control(chunk, start, end);
  }
}

class InterleavedTrackTransport implements TrackTransport {
  readonly receiver: TrackReceiver;
  readonly kind = 'TCP';
  readonly late = 0;
  readonly reordered = 0;
  readonly strangers = 0;
  readonly #connection: RtspConnection;
  readonly #rtcpChannel: number;

  constructor(receiver: TrackReceiver, connection: RtspConnection, rtcpChannel: number) {
    this.receiver = receiver;
    this.#connection = connection;
    this.#rtcpChannel = rtcpChannel;
  }

  sendControl(packet: Uint8Array): void {
    this.#connection.sendFrame(this.#rtcpChannel, packet);
  }

  open(): void {}
  tick(): void {}
  close(): void {}
}
