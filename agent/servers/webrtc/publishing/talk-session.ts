import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { release } from '../../../media/sample/slab.ts';
import type { BackChannel } from '../../../stream/contracts.ts';
import type { UnitOutput } from '../../../stream/ingest/inbound-track.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import type { TrackReceiver } from '../../../stream/ingest/track-receiver.ts';
import {
  type MediaStatistics,
  NO_OUTBOUND,
  type SecureLink,
  type SessionMedia,
} from '../../../transports/webrtc/link/session-media.ts';
import { InboundTrack } from '../../../transports/webrtc/receiving/inbound-track.ts';
import { chooseTalk, type Inbound, remoteTrackOf } from '../../../transports/webrtc/sdp/inbound.ts';
import type { Offer } from '../../../transports/webrtc/sdp/offer.ts';
import { SrtpReceiver } from '../../../transports/webrtc/srtp/srtp-receiver.ts';
import type { WebRtcPaths } from '../session/contracts.ts';

/** The only G.711 rate of browsers. */
const CLOCK_RATE_HZ = 8_000;
/** A muted microphone still sends. A silent peer would block the loudspeaker for others. */
const SILENT_MS = 30_000;

/**
 * Opens the loudspeaker of a path's camera.
 * @throws PerchError if the camera or the offer does not allow it
 */
export async function openTalk(
  paths: Pick<WebRtcPaths, 'talk'>,
  path: string,
  offer: Offer,
  clock: Clock,
): Promise<{ session: TalkSession; inbound: Inbound }> {
  let session: TalkSession | undefined;
  let endReason: string | undefined;
  const channel = await paths.talk(path, (reason) => {
    endReason = reason;
    session?.end(reason);
  });
  try {
    const { codec, clockRate, channels } = channel;
    if (clockRate !== CLOCK_RATE_HZ || channels !== 1) {
      const wanted = `${codec} of ${clockRate} Hz with ${channels} channels`;
      throw new PerchError('unsupported', `the camera takes ${wanted}, browsers send mono of ${CLOCK_RATE_HZ} Hz`);
    }
    const inbound = chooseTalk(offer, codec);
    session = new TalkSession(channel, inbound, clock);
    if (endReason !== undefined) {
      session.end(endReason);
    }
    return { session, inbound };
  } catch (cause) {
    channel.close();
    throw cause;
  }
}

/** Forwards audio to a camera's loudspeaker, packets in order. Lost packets are gaps. */
class TalkSession implements SessionMedia, UnitOutput {
  readonly state = 'publish';
  readonly role = 'talker';
  readonly #channel: BackChannel;
  readonly #clock: Clock;
  readonly #track: InboundTrack;
  readonly #ssrc = randomInt(1, 2 ** 32);
  #link: SecureLink | undefined;
  #srtp: SrtpReceiver | undefined;
  #lastPacketMs = 0;
  #endReason: string | undefined;

  constructor(channel: BackChannel, inbound: Inbound, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#track = new InboundTrack(remoteTrackOf(inbound), new Timeline(clock), this, clock);
  }

  get statistics(): MediaStatistics {
    const { packets, sequence, jitterTicks } = this.#track.receiver;
    return {
      ...NO_OUTBOUND,
      inboundPackets: packets,
      inboundLost: sequence.lost,
      jitterSeconds: jitterTicks / CLOCK_RATE_HZ,
      roundTripMs: undefined,
    };
  }

  start(link: SecureLink): void {
    if (this.#endReason !== undefined) {
      throw new PerchError('unavailable', this.#endReason);
    }
    this.#link = link;
    this.#srtp = new SrtpReceiver(link.keys);
    this.#lastPacketMs = this.#clock.monoMs();
  }

  /** The camera has closed the channel. */
  end(reason: string): void {
    this.#endReason = reason;
    this.#link?.close(reason);
  }

  onRtp(packet: Buffer): void {
    const length = this.#srtp?.unprotect(packet) ?? 0;
    if (length > 0 && ((packet[1] as number) & 0x7f) === this.#track.receiver.format.payloadType) {
      this.#lastPacketMs = this.#clock.monoMs();
      this.#track.push(packet, length, this.#lastPacketMs);
    }
  }

  /** Audio alone needs no sender clock. */
  onRtcp(): void {}

  tick(): void {
    const nowMs = this.#clock.monoMs();
    this.#track.flush(nowMs);
    const report = this.#track.receiver.receiverReport(this.#ssrc);
    if (report) {
      this.#link?.sendRtcp(report);
    }
    if (nowMs - this.#lastPacketMs >= SILENT_MS) {
      this.#link?.close(`no audio from the talker for ${SILENT_MS / 1000} s`);
    }
  }

  close(): void {
    this.#link = undefined;
    this.#srtp = undefined;
    this.#channel.close();
  }

  onUnit(_receiver: TrackReceiver, ptsTicks: number, _dtsTicks: number, _key: boolean, data: Uint8Array): void {
    this.#channel.send(data, ptsTicks);
    release(data);
  }

  onTrack(): void {}

  onDamage(): void {}
}
