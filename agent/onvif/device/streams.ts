import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import { cameraError, troubleOf, unlessFault } from '../soap/http/failures.ts';
import { type NetworkPorts, readPorts } from './device-service.ts';
import { getStreamUri } from './media.ts';
import { candidatePorts, repairStreamUri, withPort, withZone } from './media-uri.ts';
import type { OnvifSession } from './onvif-session.ts';
import type { CameraProfile } from './profiles.ts';
import { sendRequest } from './requests.ts';

/** Result of a DESCRIBE (RFC 7826 §13.2). */
export interface ProbedStream {
  readonly hasPicture?: boolean | undefined;
  readonly hasSound: boolean;
  /** Undefined if not requested. */
  readonly hasBackChannel?: boolean | undefined;
  /** As in the SDP: `H264`, `H265`. */
  readonly codec?: string | undefined;
  /** The parameter sets allow reordering. */
  readonly mayReorder?: boolean | undefined;
}

/**
 * Requests a stream's description. The address has no credentials; they go only to this host.
 * @throws PerchError unauthorized if the server rejects the login; otherwise there is no such stream
 */
export type ProbeStream = (
  rtspUrl: string,
  credentials: Credentials | undefined,
  signal: AbortSignal,
) => Promise<ProbedStream>;

/** Why the stream's server cannot describe the stream now: it replied 453 or 503, or too late. */
export type StreamDelay = 'noRoom' | 'busy' | 'slow';

export const DELAY_WORDS: Readonly<Record<StreamDelay, string>> = {
  noRoom: 'the camera has no room for another viewer of this stream (453)',
  busy: 'the camera is busy or still starting (503)',
  slow: 'the camera does not answer for this stream',
};

/** Why a stream cannot be described now, or undefined if it does not exist. */
export function delayOf(error: unknown): StreamDelay | undefined {
  const { status, isConnected } = error instanceof PerchError ? error.context : {};
  if (status === 453 || status === 503) {
    return status === 453 ? 'noRoom' : 'busy';
  }
  return error instanceof PerchError && error.code === 'timeout' && isConnected === true ? 'slow' : undefined;
}

/** The server has accepted the connection and closed it without an answer. */
function hasClosed(error: unknown): boolean {
  const { status, isConnected } = error instanceof PerchError ? error.context : {};
  return error instanceof PerchError && error.code === 'unavailable' && isConnected === true && status === undefined;
}

/** Pauses before retries, for all streams of a camera together, because a user waits. */
const RETRY_PAUSES_MS = [1_000, 2_000, 4_000] as const;

export class StreamRetry {
  readonly #clock: Clock | undefined;
  readonly #signal: AbortSignal;
  #retries = 0;

  /** @param clock without it there are no retries */
  constructor(clock: Clock | undefined, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const signal = this.#signal;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const delay = delayOf(error);
        // A slow stream has had its 20 s; the others reply at once.
        const pauseMs = delay && delay !== 'slow' ? RETRY_PAUSES_MS[this.#retries] : undefined;
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
  /** On the camera's host, without credentials, or undefined if the camera was too busy to name it. */
  readonly rtspUrl: string | undefined;
  /** Undefined if the stream was not probed. */
  readonly probed: ProbedStream | undefined;
  /** Why the probe was delayed: the address, if any, is the camera's claim, repaired. */
  readonly delay?: StreamDelay | undefined;
}

/** Finds the streams of one camera. A port found for the first stream serves the others. */
export class StreamFinder {
  readonly #session: OnvifSession;
  readonly #probeStream: ProbeStream | undefined;
  readonly #signal: AbortSignal;
  readonly #retry: StreamRetry;
  #ports: Promise<NetworkPorts> | undefined;
  #knownPort: number | undefined;

  /** @param probeStream without it the camera's addresses are used unchecked, repaired */
  constructor(session: OnvifSession, probeStream: ProbeStream | undefined, signal: AbortSignal, retryClock?: Clock) {
    this.#session = session;
    this.#probeStream = probeStream;
    this.#signal = signal;
    this.#retry = new StreamRetry(retryClock, signal);
  }

  /** A stream that cannot be named or described yet has a `delay`. @throws PerchError if the camera has no such stream */
  async find(profile: CameraProfile): Promise<CameraStream> {
    let uri: string;
    try {
      uri = await this.#retry.run(() => getStreamUri(this.#session, profile));
    } catch (error) {
      const delay = delayOf(error);
      if (!delay) {
        throw error;
      }
      return { ...profile, rtspUrl: undefined, probed: undefined, delay };
    }
    return this.#findAt(repairStreamUri(uri, this.#session.host), profile);
  }

  async #findAt(url: URL, profile: CameraProfile): Promise<CameraStream> {
    let failure: unknown;
    let delayed: CameraStream | undefined;
    for await (const port of this.#candidates(url)) {
      const rtspUrl = withZone(withPort(url, port), this.#session.host);
      try {
        const probed = await this.#retry.run(async () =>
          this.#probeStream?.(rtspUrl, this.#session.credentials, this.#signal),
        );
        if (probed?.hasPicture === false) {
          throw cameraError('badReply', 'the stream has no picture', { host: this.#session.host });
        }
        this.#knownPort = port;
        return { ...profile, rtspUrl, probed };
      } catch (error) {
        failure ??= error;
        this.#throwIfEnd(error);
        // The profile decides which stream is the main one, not which server answers.
        const delay = delayOf(error) ?? (hasClosed(error) ? 'slow' : undefined);
        delayed ??= delay && { ...profile, rtspUrl, probed: undefined, delay };
        if (delay === 'noRoom' || delay === 'busy') {
          // This server speaks RTSP, so the port is right.
          this.#knownPort = port;
          break;
        }
      }
    }
    if (delayed) {
      return delayed;
    }
    const words = 'the stream is not at the address that the camera returns';
    throw cameraError('badReply', words, { host: this.#session.host, profile: profile.token }, failure);
  }

  #throwIfEnd(error: unknown): void {
    if (!(error instanceof PerchError) || this.#signal.aborted || troubleOf(error) === 'clearPassword') {
      throw error;
    }
    if (error.code === 'unauthorized') {
      // Other ports are not tried: each would be one more rejection, until the camera locks.
      const words =
        'the camera accepts this login for ONVIF, but not for its stream: give the user the right to watch live';
      throw cameraError('onvifUser', words, { host: this.#session.host }, error);
    }
  }

  /** Requests the camera's network settings only if its claim fails. */
  async *#candidates(url: URL): AsyncGenerator<number, void> {
    const { port, protocol } = this.#session.url;
    const webPort = Number(port || (protocol === 'https:' ? 443 : 80));
    const [claimed = 554] = candidatePorts(url, { rtsp: [], http: [] }, 0);
    const tried = new Set<number>();
    const first = claimed === webPort ? this.#knownPort : claimed;
    if (first !== undefined) {
      tried.add(first);
      yield first;
    }
    this.#ports ??= this.#askPorts();
    const reported = candidatePorts(url, await this.#ports, webPort);
    for (const candidate of this.#knownPort === undefined ? reported : [this.#knownPort, ...reported]) {
      if (!tried.has(candidate)) {
        tried.add(candidate);
        yield candidate;
      }
    }
  }

  async #askPorts(): Promise<NetworkPorts> {
    return readPorts(await unlessFault(sendRequest(this.#session, ({ device }) => device.getNetworkProtocols())));
  }
}
