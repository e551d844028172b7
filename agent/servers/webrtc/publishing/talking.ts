import { randomInt } from 'node:crypto';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { release } from '../../../media/sample/slab.ts';
import { Timeline } from '../../../stream/ingest/timeline.ts';
import type { TrackReceiver, UnitOutput } from '../../../stream/ingest/track-receiver.ts';
import { chooseTalk, type Inbound, remoteTrackOf } from '../sdp/inbound.ts';
import type { Offer } from '../sdp/offer.ts';
import type { TalkChannel, WebRtcPaths } from '../session/contracts.ts';
import type { MediaStatistics, SecureLink, SessionMedia } from '../session/session-media.ts';
import { SrtpReceiver } from '../srtp/srtp-receiver.ts';
import { InboundTrack } from './inbound-track.ts';

/** All that browsers have of G.711. */
const CLOCK_RATE_HZ = 8_000;
/** A muted microphone still sends: who sends nothing for so long keeps others from talking for no reason. */
const SILENT_MS = 30_000;

/**
 * Takes the loudspeaker of a path's camera for somebody who wants to talk.
 * @throws PerchError with the reason why he cannot: the camera's, or his offer's
 */
export async function openTalk(
  paths: Pick<WebRtcPaths, 'talk'>,
  path: string,
  offer: Offer,
  clock: Clock,
): Promise<{ talking: Talking; inbound: Inbound }> {
  let talking: Talking | undefined;
  let endedWhy: string | undefined;
  const channel = await paths.talk(path, (reason) => {
    endedWhy = reason;
    talking?.end(reason);
  });
  try {
    const { codec, clockRate, channels } = channel;
    if (clockRate !== CLOCK_RATE_HZ || channels !== 1) {
      const wanted = `${codec} of ${clockRate} Hz with ${channels} channels`;
      throw new PerchError('unsupported', `the camera takes ${wanted}, browsers send ${CLOCK_RATE_HZ} Hz with one`);
    }
    const inbound = chooseTalk(offer, codec);
    talking = new Talking(channel, inbound, clock);
    if (endedWhy !== undefined) {
      talking.end(endedWhy);
    }
    return { talking, inbound };
  } catch (cause) {
    channel.close();
    throw cause;
  }
}

/** A voice on its way to a camera's loudspeaker: packets in order, each as it came. What is lost is a gap. */
export class Talking implements SessionMedia, UnitOutput {
  readonly state = 'publish';
  readonly who = 'talker';
  readonly #channel: TalkChannel;
  readonly #clock: Clock;
  readonly #track: InboundTrack;
  readonly #ssrc = randomInt(1, 2 ** 32);
  #link: SecureLink | undefined;
  #srtp: SrtpReceiver | undefined;
  #heardMs = 0;
  #endedWhy: string | undefined;

  constructor(channel: TalkChannel, inbound: Inbound, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#track = new InboundTrack(remoteTrackOf(inbound), new Timeline(clock), this, clock);
  }

  get statistics(): MediaStatistics {
    const { packets, sequence, jitterTicks } = this.#track.receiver;
    return {
      outboundBytes: 0,
      outboundPackets: 0,
      outboundReportedLost: 0,
      framesDiscarded: 0,
      inboundPackets: packets,
      inboundLost: sequence.lost,
      jitterSeconds: jitterTicks / CLOCK_RATE_HZ,
      roundTripMs: undefined,
    };
  }

  start(link: SecureLink): void {
    if (this.#endedWhy !== undefined) {
      throw new PerchError('unavailable', this.#endedWhy);
    }
    this.#link = link;
    this.#srtp = new SrtpReceiver(link.keys);
    this.#heardMs = this.#clock.monoMs();
  }

  /** The camera does not listen any more. */
  end(reason: string): void {
    this.#endedWhy = reason;
    this.#link?.close(reason);
  }

  onRtp(packet: Buffer): void {
    const length = this.#srtp?.unprotect(packet) ?? 0;
    if (length > 0 && ((packet[1] as number) & 0x7f) === this.#track.receiver.format.payloadType) {
      this.#heardMs = this.#clock.monoMs();
      this.#track.push(packet, length, this.#heardMs);
    }
  }

  /** Sound has no use for the sender's clock when there is no picture. */
  onRtcp(): void {}

  tick(): void {
    const nowMs = this.#clock.monoMs();
    this.#track.flush(nowMs);
    const report = this.#track.receiver.receiverReport(this.#ssrc);
    if (report) {
      this.#link?.sendRtcp(report);
    }
    if (nowMs - this.#heardMs >= SILENT_MS) {
      this.#link?.close(`the speaker has sent nothing for ${SILENT_MS / 1000} s`);
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

  /** G.711 has nothing that could be damaged. */
  onDamage(): void {}
}
