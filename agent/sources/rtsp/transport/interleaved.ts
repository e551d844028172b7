import type { Pair } from '../../../media/rtsp/transport.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import type { FrameSink, RtspConnection } from '../request/connection.ts';
import type { Lane } from './track-transport.ts';

const CHANNELS = 256;
/** Of what comes before PLAY: two seconds of a camera with 16 Mbit/s. */
const KEPT_BYTES = 4 << 20;
/** What a frame costs next to its payload, which may be empty. */
const FRAME_COST_BYTES = 200;

interface KeptFrame {
  readonly channel: number;
  readonly payload: Uint8Array;
  readonly atMs: number;
}

/**
 * RTP and RTCP within the RTSP connection (RFC 2326 §10.12): which channel belongs to which track.
 * There are cameras that send from their first answer to SETUP on. What they send is kept until all tracks are set up: the only
 * key picture of the next minute may be in it.
 */
export class Interleaved implements FrameSink {
  readonly #connection: RtspConnection;
  readonly #byRtpChannel: (TrackReceiver | undefined)[] = new Array(CHANNELS).fill(undefined);
  readonly #byRtcpChannel: (TrackReceiver | undefined)[] = new Array(CHANNELS).fill(undefined);
  /** Undefined: all tracks are set up. */
  #kept: KeptFrame[] | undefined = [];
  #keptBytes = 0;

  constructor(connection: RtspConnection) {
    this.#connection = connection;
  }

  /** @param answered the channels that the camera named, `asked` the first of those that were asked for */
  lane(receiver: TrackReceiver, answered: Pair | undefined, asked: number): Lane {
    // A camera that gives two tracks the same channels means those that were asked for.
    const isTaken = answered === undefined || this.#byRtpChannel[answered[0]] !== undefined;
    const [rtp, rtcp] = isTaken ? [asked, asked + 1] : answered;
    this.#byRtpChannel[rtp] = receiver;
    this.#byRtcpChannel[rtcp] = receiver;
    return new InterleavedLane(receiver, this.#connection, rtcp);
  }

  /** Hands on what was kept, and from now on everything at once. */
  open(): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const { channel, payload, atMs } of kept) {
      this.#handOn(payload, channel, 0, payload.length, atMs);
    }
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    const atMs = this.#connection.readAtMs;
    if (!this.#kept) {
      this.#handOn(chunk, channel, start, end, atMs);
      return;
    }
    // What does not fit any more is lost, and all that follows it.
    this.#keptBytes += end - start + FRAME_COST_BYTES;
    if (this.#keptBytes <= KEPT_BYTES) {
      this.#kept.push({ channel, payload: chunk.slice(start, end), atMs });
    }
  }

  #handOn(chunk: Uint8Array, channel: number, start: number, end: number, atMs: number): void {
    const receiver = this.#byRtpChannel[channel];
    if (receiver) {
      receiver.packet(chunk, start, end, atMs);
      return;
    }
    // Frames on channels that nobody asked for are passed over.
    this.#byRtcpChannel[channel]?.control(chunk, start, end);
  }
}

class InterleavedLane implements Lane {
  readonly receiver: TrackReceiver;
  readonly transport = 'TCP';
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
