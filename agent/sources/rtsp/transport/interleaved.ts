import type { Pair } from '../../../media/rtsp/transport.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { FrameSink, RtspConnection } from '../../../transports/rtsp/request/connection.ts';
import type { EarlyPackets, EarlyTarget } from './early-packets.ts';
import { SecureInput, type SecureSession, type SecureTrack, type TrackInput } from './secure-session.ts';
import type { TrackTransport } from './track-transport.ts';

const CHANNELS = 256;
/** RTP and RTCP within the RTSP connection (RFC 2326 §10.12): which channel belongs to which track. */
export class Interleaved implements FrameSink, EarlyTarget {
  readonly #connection: RtspConnection;
  readonly #early: EarlyPackets;
  readonly #receivers: (TrackReceiver | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #byRtpChannel: (TrackInput | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #byRtcpChannel: (TrackInput | undefined)[] = new Array(CHANNELS).fill(undefined);

  constructor(connection: RtspConnection, early: EarlyPackets) {
    this.#connection = connection;
    this.#early = early;
  }

  /**
   * @param answered the camera's channels for RTP and RTCP
   * @param asked the requested RTP channel
   * @param secure undefined for plain RTP
   */
  trackTransport(
    receiver: TrackReceiver,
    answered: Pair | undefined,
    asked: number,
    secure?: SecureTrack,
  ): TrackTransport {
    // A camera that gives two tracks the same channels uses the requested ones.
    const isTaken = answered === undefined || this.#byRtpChannel[answered[0]] !== undefined;
    const [rtp, rtcp] = isTaken ? [asked, asked + 1] : answered;
    const input = secure ? new SecureInput(receiver, secure.decryptor) : receiver;
    this.#receivers[rtp] = receiver;
    this.#byRtpChannel[rtp] = input;
    this.#byRtcpChannel[rtcp] = input;
    return new InterleavedTrackTransport(receiver, this.#connection, rtcp, secure?.session);
  }

  receiverOf(channel: number): TrackReceiver | undefined {
    return this.#receivers[channel];
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const atMs = this.#connection.readAtMs;
    if (this.#early.isOver) {
      this.dispatch(chunk, channel, start, end, atMs);
    } else {
      this.#early.keep(this, channel, chunk.slice(start, end), atMs);
    }
  }

  onReply(): void {
    this.#early.markReply();
  }

  dispatch(chunk: Uint8Array, channel: number, start: number, end: number, atMs: number): void {
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
  readonly strangers = 0;
  readonly #connection: RtspConnection;
  readonly #rtcpChannel: number;
  readonly #secure: SecureSession | undefined;

  constructor(
    receiver: TrackReceiver,
    connection: RtspConnection,
    rtcpChannel: number,
    secure: SecureSession | undefined,
  ) {
    this.receiver = receiver;
    this.#connection = connection;
    this.#rtcpChannel = rtcpChannel;
    this.#secure = secure;
  }

  sendControl(packet: Uint8Array): void {
    this.#connection.sendFrame(this.#rtcpChannel, this.#secure?.encryptReport(packet) ?? packet);
  }

  tick(nowMs: number): void {
    this.receiver.flush(nowMs);
  }

  close(): void {}
}
