import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { ProveStream, StreamProof } from '../../onvif/device/streams.ts';
import { cameraError, troubleOf } from '../../onvif/soap/http/failures.ts';
import { loginMissing } from '../../onvif/soap/login/login-failures.ts';
import { patternsFor, STREAM_PORTS, type StreamPattern, withLogin } from './stream-patterns.ts';

/** Cameras count what is asked in vain; some lock whoever asks too often. */
const PAUSE_MS = 1_000;
/** Makers lock an account after five to seven wrong logins. */
const MAX_REFUSALS = 2;
/** A server that does not answer, or not in RTSP, is not asked on. */
const MAX_SILENCES = 2;

/** Whether something is there: a TCP connection can be made within a second, or a server answers in RTSP. */
export type IsOpen = (host: string, port: number, signal: AbortSignal) => Promise<boolean>;

/** What is being tried: never with a password in it. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface Trial {
  /** Without brackets. */
  readonly host: string;
  readonly credentials: Credentials | undefined;
  /** The password may be sent so that anybody in the network can read it. */
  readonly isClearAllowed?: boolean | undefined;
  /** Whose addresses are tried first. */
  readonly maker?: string | undefined;
  readonly ports?: readonly number[] | undefined;
}

export interface TrialDeps {
  readonly clock: Clock;
  readonly prove: ProveStream;
  readonly isOpen: IsOpen;
  readonly speaksRtsp: IsOpen;
  readonly signal: AbortSignal;
  onProgress?(progress: Progress): void;
}

/** Streams that have been described, each with what its address is but for `{user}` and `{password}`. */
export interface FoundStreams {
  readonly makers: string;
  readonly main: string;
  readonly sub: string | undefined;
  readonly proof: StreamProof;
}

/**
 * Asks a camera without ONVIF for the streams that cameras of known makers have, one a second, until one is described. A refused
 * login is no proof by itself: Hikvision and Dahua refuse whatever path is asked for. So a stream counts only once it is described.
 * @throws PerchError with what was tried when there is none of them; wrongPassword after the second refusal, or the first of a
 * camera that has said of another path that it is not there
 */
export async function tryPatterns(trial: Trial, deps: TrialDeps): Promise<FoundStreams> {
  const port = await findPort(trial, deps);
  const all = patternsFor(trial.maker);
  const clear = trial.credentials?.password && !trial.isClearAllowed ? all.filter(showsPassword) : [];
  const patterns = all.filter((pattern) => !clear.includes(pattern));
  const asker = new Asker(trial, deps, port);
  for (const [i, pattern] of patterns.entries()) {
    deps.onProgress?.({ what: `${pattern.makers}: ${pattern.main}`, done: i, total: patterns.length });
    const proof = await asker.ask(pattern.main);
    if (proof) {
      return { ...(await asker.found(pattern)), proof };
    }
  }
  asker.throwIfRefused();
  throw new PerchError(
    'notFound',
    `none of the ${patterns.length} addresses that streams of known cameras have is there at ${trial.host}:${port}: look in the camera's manual for its RTSP address, and switch RTSP on in its settings${wordsFor(clear)}`,
    { host: trial.host, port, camera: 'notSupported' },
  );
}

const showsPassword = ({ main }: StreamPattern): boolean => main.includes('{password}');

const wordsFor = (clear: readonly StreamPattern[]): string =>
  clear.length === 0
    ? ''
    : `; that of ${clear.map(({ makers }) => makers).join(', ')} was not tried: it shows the password to anybody in the network, which clearPassword allows`;

async function findPort({ host, ports = STREAM_PORTS }: Trial, deps: TrialDeps): Promise<number> {
  for (const [i, port] of ports.entries()) {
    deps.onProgress?.({ what: `RTSP at port ${port}`, done: i, total: ports.length });
    if (await deps.speaksRtsp(host, port, deps.signal)) {
      return port;
    }
    throwIfOver(deps.signal);
  }
  throw new PerchError(
    'unavailable',
    `nothing answers in RTSP at the ports of ${host} (${ports.join(', ')}): switch RTSP and ONVIF on in the camera's settings; cameras that run on batteries mostly have neither`,
    { host, camera: 'unreachable' },
  );
}

class Asker {
  readonly #trial: Trial;
  readonly #deps: TrialDeps;
  readonly #origin: string;
  #lastMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  #lastRefusal: PerchError | undefined;
  /** It says of unknown paths that they are not there, before any login: what it refuses is there. */
  #tellsMissing = false;
  #isDescribed = false;
  #silences = 0;

  constructor(trial: Trial, deps: TrialDeps, port: number) {
    this.#trial = trial;
    this.#deps = deps;
    const host = trial.host.includes(':') ? `[${trial.host}]` : trial.host;
    this.#origin = `rtsp://${host}${port === 554 ? '' : `:${port}`}`;
  }

  /** Undefined when there is no such stream. */
  async ask(path: string): Promise<StreamProof | undefined> {
    const { clock, prove, signal } = this.#deps;
    const { credentials, host } = this.#trial;
    const pauseMs = this.#lastMs + PAUSE_MS - clock.monoMs();
    if (pauseMs > 0) {
      await clock.sleep(pauseMs, signal);
    }
    throwIfOver(signal);
    this.#lastMs = clock.monoMs();
    try {
      const url = this.#origin + withLogin(path, credentials?.user, credentials?.password);
      const proof = await prove(url, credentials, signal);
      this.#silences = 0;
      this.#isDescribed = true;
      return proof;
    } catch (error) {
      throwIfOver(signal);
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#count(error, host);
      return undefined;
    }
  }

  async found({ makers, main, sub }: StreamPattern): Promise<Omit<FoundStreams, 'proof'>> {
    const hasSub = sub !== undefined && (await this.ask(sub)) !== undefined;
    return { makers, main: this.#origin + main, sub: hasSub ? this.#origin + sub : undefined };
  }

  throwIfRefused(): void {
    const { host } = this.#trial;
    if (this.#lastRefusal) {
      // In the prover's words: the camera may take it in the clear only.
      const trouble = troubleOf(this.#lastRefusal) ?? 'wrongPassword';
      throw cameraError(trouble, this.#lastRefusal.message, { host }, this.#lastRefusal);
    }
  }

  #count(error: PerchError, host: string): void {
    this.#tellsMissing ||= error.code === 'notFound';
    if (error.code === 'unauthorized') {
      this.#refusals += 1;
      this.#lastRefusal = error;
      if (!this.#trial.credentials) {
        throw loginMissing({ host });
      }
      if (this.#refusals >= MAX_REFUSALS || (this.#tellsMissing && !this.#isDescribed)) {
        this.throwIfRefused();
      }
    }
    // What speaks something else says so at every path.
    const isSilent = ['timeout', 'badInput'].includes(error.code) || error.context['isUnreachable'] === true;
    this.#silences = isSilent ? this.#silences + 1 : 0;
    if (this.#silences >= MAX_SILENCES) {
      const words = `${host} does not answer in RTSP: if it is a camera, try again in some minutes`;
      throw new PerchError('unavailable', words, { host, camera: 'unreachable' }, error);
    }
  }
}

export function throwIfOver(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new PerchError('unavailable', 'given up', { camera: 'unreachable' });
  }
}
