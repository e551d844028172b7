import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { cameraError, troubleOf } from '../soap/http/failures.ts';
import { askStreamUri, unlessBroken } from './media.ts';
import { type NetworkPorts, readPorts } from './network.ts';
import type { CameraProfile } from './profiles.ts';
import { ask, requestsOf } from './requests.ts';
import type { OnvifSession } from './session.ts';
import { candidatePorts, repairStreamUri, withPort, withZone } from './stream-address.ts';

/** What a DESCRIBE tells (RFC 7826 §13.2). */
export interface StreamProof {
  readonly hasPicture?: boolean | undefined;
  readonly hasSound: boolean;
  /** Undefined when it was not asked about. */
  readonly hasBackChannel?: boolean | undefined;
  /** As the SDP has it: `H264`, `H265`. */
  readonly codec?: string | undefined;
  /** The parameter sets allow pictures out of order. */
  readonly mayReorder?: boolean | undefined;
}

/**
 * Asks for the description of a stream. The address has no credentials; they go to this host alone.
 * @throws PerchError unauthorized when the server does not take the login; anything else when there is no such stream there
 */
export type ProveStream = (
  rtspUrl: string,
  credentials: Credentials | undefined,
  signal: AbortSignal,
) => Promise<StreamProof>;

/** The stream's server is there, and could not describe the stream for now: it answered 453, or 503, or too late. */
export type StreamDelay = 'noRoom' | 'busy' | 'slow';

/** In words for a person. */
export const DELAY_WORDS: Readonly<Record<StreamDelay, string>> = {
  noRoom: 'the camera has no room for another viewer of this stream (453)',
  busy: 'the camera is busy or still starting (503)',
  slow: 'the camera does not answer in time for this stream',
};

/** Why a stream may come later; undefined: it is not there. */
export function delayOf(error: unknown): StreamDelay | undefined {
  const { status, isConnected } = error instanceof PerchError ? error.context : {};
  if (status === 453 || status === 503) {
    return status === 453 ? 'noRoom' : 'busy';
  }
  return error instanceof PerchError && error.code === 'timeout' && isConnected === true ? 'slow' : undefined;
}

/** Of all streams of a camera together: a person waits for it. */
const RETRY_PAUSES_MS = [1_000, 2_000, 4_000] as const;

/** Asks for a stream, and once more after a pause while the camera puts it off. */
export class Patience {
  readonly #clock: Clock | undefined;
  readonly #signal: AbortSignal;
  #retries = 0;

  /** @param clock without it nothing is tried again */
  constructor(clock: Clock | undefined, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  async ask<T>(work: () => Promise<T>): Promise<T> {
    const signal = this.#signal;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const pauseMs = delayOf(error) && RETRY_PAUSES_MS[this.#retries];
        if (pauseMs === undefined || !this.#clock || signal.aborted) {
          throw error;
        }
        this.#retries += 1;
        await this.#clock.sleep(pauseMs, signal);
      }
    }
  }
}

export interface CameraStream extends CameraProfile {
  /** On the camera's own host, without credentials; undefined: the camera was too busy to name it. */
  readonly rtspUrl: string | undefined;
  /** What the stream's own server said; undefined when nobody asked it. */
  readonly proof: StreamProof | undefined;
  /** Why it could not be proved yet: its address, if it has one, is the camera's claim, repaired. */
  readonly delay?: StreamDelay | undefined;
}

/** Finds the streams of one camera. What was learnt of its ports with the first one serves the others. */
export class StreamFinder {
  readonly #session: OnvifSession;
  readonly #prove: ProveStream | undefined;
  readonly #signal: AbortSignal;
  readonly #patience: Patience;
  #ports: Promise<NetworkPorts> | undefined;
  #knownPort: number | undefined;

  /** @param prove without it the camera's word is taken, repaired */
  constructor(session: OnvifSession, prove: ProveStream | undefined, signal: AbortSignal, retryClock?: Clock) {
    this.#session = session;
    this.#prove = prove;
    this.#signal = signal;
    this.#patience = new Patience(retryClock, signal);
  }

  /** One that cannot be named or described for now has a `delay`. @throws PerchError when the camera has no such stream, or it is nowhere */
  async find(profile: CameraProfile): Promise<CameraStream> {
    let uri: string;
    try {
      uri = await this.#patience.ask(() => askStreamUri(this.#session, profile));
    } catch (error) {
      const delay = delayOf(error);
      if (!delay) {
        throw error;
      }
      return { ...profile, rtspUrl: undefined, proof: undefined, delay };
    }
    return this.#findAt(repairStreamUri(uri, this.#session.host), profile);
  }

  async #findAt(url: URL, profile: CameraProfile): Promise<CameraStream> {
    let failure: unknown;
    let delayed: CameraStream | undefined;
    for await (const port of this.#candidates(url)) {
      const rtspUrl = withZone(withPort(url, port), this.#session.host);
      try {
        const proof = await this.#patience.ask(async () =>
          this.#prove?.(rtspUrl, this.#session.credentials, this.#signal),
        );
        if (proof?.hasPicture === false) {
          throw cameraError('badReply', 'the stream has no picture', { host: this.#session.host });
        }
        this.#knownPort = port;
        return { ...profile, rtspUrl, proof };
      } catch (error) {
        failure ??= error;
        this.#throwIfEnd(error);
        const delay = delayOf(error);
        delayed ??= delay && { ...profile, rtspUrl, proof: undefined, delay };
        if (delay === 'noRoom' || delay === 'busy') {
          // It speaks RTSP: it is the right port.
          this.#knownPort = port;
          break;
        }
      }
    }
    if (delayed) {
      return delayed;
    }
    const words = 'the stream that the camera names is not there';
    throw cameraError('badReply', words, { host: this.#session.host, profile: profile.token }, failure);
  }

  #throwIfEnd(error: unknown): void {
    if (!(error instanceof PerchError) || this.#signal.aborted || troubleOf(error) === 'clearPassword') {
      throw error;
    }
    if (error.code === 'unauthorized') {
      // Not tried at other ports: each would be one refusal more, until the camera locks.
      const words =
        'the camera takes this login for ONVIF, but not for its stream: give the user the right to watch live';
      throw cameraError('onvifUser', words, { host: this.#session.host }, error);
    }
  }

  /** The camera is asked about its network only when its claim does not hold, or cannot. */
  async *#candidates(url: URL): AsyncGenerator<number, void> {
    const { port, protocol } = this.#session.url;
    const webPort = Number(port || (protocol === 'https:' ? 443 : 80));
    const [claimed = 554] = candidatePorts(url, { rtsp: [], http: [] }, 0);
    const tried = new Set<number>();
    if (claimed !== webPort || claimed === this.#knownPort) {
      tried.add(claimed);
      yield claimed;
    } else if (this.#knownPort !== undefined) {
      tried.add(this.#knownPort);
      yield this.#knownPort;
    }
    this.#ports ??= this.#askPorts();
    const likely = [
      ...(this.#knownPort === undefined ? [] : [this.#knownPort]),
      ...candidatePorts(url, await this.#ports, webPort),
    ];
    for (const candidate of likely) {
      if (!tried.has(candidate)) {
        tried.add(candidate);
        yield candidate;
      }
    }
  }

  async #askPorts(): Promise<NetworkPorts> {
    const { device } = await requestsOf(this.#session);
    return readPorts(await unlessBroken(() => ask(device.getNetworkProtocols())));
  }
}
