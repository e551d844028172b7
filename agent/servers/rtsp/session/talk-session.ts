import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { RtpHeader } from '../../../media/rtp/header.ts';
import type { HeaderField } from '../../../media/rtsp/message.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import { NOTHING_RECEIVED, NOTHING_SENT, type ReceiveCounts } from '../transport/media-plane.ts';
import type { ChosenTransport } from './choose-transport.ts';
import type { RtspPaths } from './contracts.ts';
import { type Response, setUpFields } from './response.ts';
import type { Role, RtspSession } from './session.ts';

/** A session that talks through the camera of a path (ONVIF Streaming §5.3), within its connection. */
export class TalkSession implements Role {
  /** A talker that sends nothing would block the loudspeaker for others. */
  readonly maxSilenceMs = 30_000;
  readonly #session: RtspSession;
  readonly #clock: Clock;
  readonly #header = new RtpHeader();
  /** Interleaved channel of RTP. */
  readonly #frameChannel: number;
  #channel: BackChannel | undefined;
  #bytes = 0;
  #packets = 0;
  #inError = 0;
  #lastReceivedMs = 0;
  #isPlaying = false;
  /** RTP time of the last packet, unwrapped. */
  #ticks = 0;
  #lastTimestamp: number | undefined;

  private constructor(session: RtspSession, frameChannel: number, clock: Clock) {
    this.#session = session;
    this.#frameChannel = frameChannel;
    this.#clock = clock;
  }

  /** SETUP: takes the loudspeaker. @throws PerchError with the reason why it is not free, or not there */
  static async open(
    session: RtspSession,
    uri: string,
    { kind, wanted }: ChosenTransport,
    paths: Pick<RtspPaths, 'talk'>,
    clock: Clock,
  ): Promise<{ readonly role: TalkSession; readonly fields: HeaderField[] }> {
    if (kind !== 'tcp' || wanted.isSecure) {
      throw new PerchError('unsupported', 'a back channel comes within the connection only');
    }
    const interleaved = wanted.interleaved ?? ([0, 1] as const);
    const role = new TalkSession(session, interleaved[0], clock);
    role.#channel = await paths.talk(session.options.target.name, (reason) => session.close(reason));
    return { role, fields: setUpFields({ ...wanted, interleaved }, uri, undefined) };
  }

  get state(): 'idle' | 'publish' {
    return this.#isPlaying ? 'publish' : 'idle';
  }

  get media(): {
    kind: 'tcp';
    isSecure: false;
    sent: typeof NOTHING_SENT;
    received: ReceiveCounts;
    lastReceivedMs: number;
  } {
    const counts = { bytes: this.#bytes, rtpPackets: this.#packets, inError: this.#inError };
    const received = { ...NOTHING_RECEIVED, ...counts };
    return { kind: 'tcp', isSecure: false, sent: NOTHING_SENT, received, lastReceivedMs: this.#lastReceivedMs };
  }

  play(): Response {
    if (!this.#isPlaying) {
      this.#isPlaying = true;
      this.#session.logStarted('is talking through the camera of path');
    }
    return { status: 200 };
  }

  onFrame(chunk: Uint8Array, channel: number, start: number, end: number): void {
    if (!this.#isPlaying || channel !== this.#frameChannel) {
      return;
    }
    try {
      this.#header.parse(chunk, start, end);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#inError += 1;
      return;
    }
    this.#bytes += end - start;
    this.#packets += 1;
    this.#lastReceivedMs = this.#clock.monoMs();
    const { timestamp, payloadStart, payloadEnd } = this.#header;
    this.#ticks += (timestamp - (this.#lastTimestamp ?? timestamp)) | 0;
    this.#lastTimestamp = timestamp;
    this.#channel?.send(chunk.subarray(payloadStart, payloadEnd), this.#ticks);
  }

  close(): void {
    this.#isPlaying = false;
    this.#channel?.close();
    this.#channel = undefined;
  }
}
