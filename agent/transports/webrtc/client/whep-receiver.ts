import type { Clock } from '../../../base/clock.ts';
import { PerchError, unlessExpected } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import type { StreamSink } from '../../../stream/contracts.ts';
import { type MediaStatistics, NO_OUTBOUND, type SessionMedia } from '../link/session-media.ts';
import { MediaReceiver } from '../receiving/media-receiver.ts';
import { inboundOf, remoteTrackOf } from '../sdp/inbound.ts';
import { cannotSendReason, type Offer, reasonsOf } from '../sdp/offer.ts';
import { Peer, type PeerOptions } from './peer.ts';

export interface WhepOptions extends PeerOptions {
  /** Name of the path, for messages. */
  readonly name: string;
  /** False: audio is not requested. */
  readonly hasAudio: boolean;
  /** Tracks that have no packets after this time are left out. */
  readonly trackGatherTimeoutMs: number;
}

const NOTHING: MediaStatistics = {
  ...NO_OUTBOUND,
  inboundPackets: 0,
  inboundLost: 0,
  jitterSeconds: 0,
  roundTripMs: undefined,
};

/** Reads a stream from a WHEP server. Each run is one session. */
export class WhepReceiver {
  readonly #options: WhepOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #receiver: MediaReceiver | undefined;

  constructor(options: WhepOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): MediaStatistics {
    return this.#receiver?.statistics ?? NOTHING;
  }

  /** Returns when `signal` aborts. @throws PerchError with the reason of any other end */
  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const kinds = this.#options.hasAudio ? (['video', 'audio'] as const) : (['video'] as const);
    const sections = kinds.map((kind) => ({ kind, direction: 'recvonly' }) as const);
    const peer = new Peer(this.#options, this.#clock, this.#log);
    await peer.run({ sections, create: (answer) => this.#receive(answer, sink) }, signal);
  }

  #receive(answer: Offer, sink: StreamSink): SessionMedia {
    const { name: path, trackGatherTimeoutMs: gatherTimeoutMs } = this.#options;
    const sending = answer.sections.filter((section) => cannotSendReason(section) === undefined);
    const inbound = sending.flatMap((section) => unlessExpected(() => [inboundOf(section)]) ?? []).map(remoteTrackOf);
    if (inbound.length === 0) {
      const why = reasonsOf(answer, cannotSendReason);
      throw new PerchError('unsupported', `the server of path '${path}' sends nothing that is supported${why}`, {
        path,
      });
    }
    const options = { inbound, path, gatherTimeoutMs, sender: 'sender' } as const;
    const receiver = new MediaReceiver(options, this.#clock, this.#log);
    this.#receiver = receiver;
    return {
      state: 'publish',
      get statistics() {
        return receiver.statistics;
      },
      start: (link) =>
        receiver.start(link, {
          ...sink,
          publish: (tracks) => {
            const stream = sink.publish(tracks);
            stream.onKeyFrameWanted = () => receiver.requestKeyFrame();
            return stream;
          },
        }),
      onRtp: (packet) => receiver.onRtp(packet),
      onRtcp: (compound) => receiver.onRtcp(compound),
      tick: () => receiver.tick(),
      close: () => receiver.close(),
    };
  }
}
