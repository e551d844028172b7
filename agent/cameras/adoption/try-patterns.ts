import type { Clock } from '../../base/clock.ts';
import { PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { ProbedStream, ProbeStream } from '../../onvif/device/streams.ts';
import { cameraError, troubleOf } from '../../onvif/soap/http/failures.ts';
import { loginMissing } from '../../onvif/soap/login/login-failures.ts';
import type { OnProgress } from './progress.ts';
import { patternsFor, STREAM_PORTS, type StreamPattern, withLogin } from './stream-patterns.ts';

/** Pause between two requests: cameras count failed requests, and some lock out frequent clients. */
const PAUSE_MS = 1_000;
/** Maximum number of rejected logins: cameras lock an account after five to seven wrong ones. */
const MAX_REFUSALS = 2;

/** Whether a TCP connection can be made within a second, or a server answers in RTSP. */
export type IsOpen = (host: string, port: number, signal: AbortSignal) => Promise<boolean>;

export interface Trial {
  readonly host: string;
  readonly credentials: Credentials | undefined;
  readonly isClearAllowed?: boolean | undefined;
  /** The maker whose addresses are tried first. */
  readonly maker?: string | undefined;
  readonly ports?: readonly number[] | undefined;
}

export interface TrialDeps {
  readonly clock: Clock;
  readonly probeStream: ProbeStream;
  readonly isOpen: IsOpen;
  readonly speaksRtsp: IsOpen;
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress | undefined;
}

/** Streams that were described; their addresses keep `{user}` and `{password}`. */
export interface FoundStreams {
  readonly makers: string;
  readonly main: string;
  readonly sub: string | undefined;
  readonly probed: ProbedStream;
}

/**
 * Tries the stream addresses of known makers on a camera without ONVIF, one a second, until one is described. A rejected login proves
 * nothing: Hikvision and Dahua reject any path. So only a described stream counts.
 * @throws PerchError with what was tried; wrongPassword after the second rejection, or after the first one of a camera that has reported
 * another path as missing
 */
export async function tryPatterns(trial: Trial, deps: TrialDeps): Promise<FoundStreams> {
  const port = await findPort(trial, deps);
  const all = patternsFor(trial.maker);
  const clear = trial.credentials?.password && !trial.isClearAllowed ? all.filter(showsPassword) : [];
  const patterns = all.filter((pattern) => !clear.includes(pattern));
  const probe = new PatternProbe(trial, deps, port);
  for (const [i, pattern] of patterns.entries()) {
    deps.onProgress?.({ what: `${pattern.makers}: ${pattern.main}`, done: i, total: patterns.length });
    const probed = await probe.describe(pattern.main);
    if (probed) {
      return { ...(await probe.found(pattern)), probed };
    }
  }
  probe.throwIfRefused();
  throw new PerchError(
    'notFound',
    `none of the ${patterns.length} known stream addresses exists at ${trial.host}:${port}: look up the RTSP address in the camera's manual, and switch RTSP on in its settings${wordsFor(clear)}`,
    { host: trial.host, port, camera: 'notSupported' },
  );
}

const showsPassword = ({ main }: StreamPattern): boolean => main.includes('{password}');

const wordsFor = (clear: readonly StreamPattern[]): string =>
  clear.length === 0
    ? ''
    : `; that of ${clear.map(({ makers }) => makers).join(', ')} was not tried: it exposes the password on the network, which clearPassword allows`;

async function findPort({ host, ports = STREAM_PORTS }: Trial, deps: TrialDeps): Promise<number> {
  for (const [i, port] of ports.entries()) {
    deps.onProgress?.({ what: `RTSP at port ${port}`, done: i, total: ports.length });
    if (await deps.speaksRtsp(host, port, deps.signal)) {
      return port;
    }
    throwIfAborted(deps.signal);
  }
  throw new PerchError(
    'unavailable',
    `no RTSP server at the ports of ${host} (${ports.join(', ')}): switch RTSP and ONVIF on in the camera's settings; battery cameras usually have neither`,
    { host, camera: 'unreachable' },
  );
}

class PatternProbe {
  readonly #trial: Trial;
  readonly #deps: TrialDeps;
  readonly #origin: string;
  #lastMs = Number.NEGATIVE_INFINITY;
  #refusals = 0;
  #lastRefusal: PerchError | undefined;
  /** The camera reports unknown paths as missing before any login, so a path that it rejects exists. */
  #reportsMissing = false;
  #isDescribed = false;
  #silences = 0;

  constructor(trial: Trial, deps: TrialDeps, port: number) {
    this.#trial = trial;
    this.#deps = deps;
    const host = trial.host.includes(':') ? `[${trial.host}]` : trial.host;
    this.#origin = `rtsp://${host}${port === 554 ? '' : `:${port}`}`;
  }

  async describe(path: string): Promise<ProbedStream | undefined> {
    const { clock, probeStream, signal } = this.#deps;
    const { credentials, host } = this.#trial;
    const pauseMs = this.#lastMs + PAUSE_MS - clock.monoMs();
    if (pauseMs > 0) {
      await clock.sleep(pauseMs, signal);
    }
    throwIfAborted(signal);
    this.#lastMs = clock.monoMs();
    try {
      const url = this.#origin + withLogin(path, credentials?.user, credentials?.password);
      const probed = await probeStream(url, credentials, signal);
      this.#silences = 0;
      this.#isDescribed = true;
      return probed;
    } catch (error) {
      throwIfAborted(signal);
      rethrowUnexpected(error);
      this.#count(error, host);
      return undefined;
    }
  }

  async found({ makers, main, sub }: StreamPattern): Promise<Omit<FoundStreams, 'probed'>> {
    const hasSub = sub !== undefined && (await this.describe(sub)) !== undefined;
    return { makers, main: this.#origin + main, sub: hasSub ? this.#origin + sub : undefined };
  }

  throwIfRefused(): void {
    const { host } = this.#trial;
    if (this.#lastRefusal) {
      // With the message of the probe: the camera may accept only an unencrypted password.
      const trouble = troubleOf(this.#lastRefusal) ?? 'wrongPassword';
      throw cameraError(trouble, this.#lastRefusal.message, { host }, this.#lastRefusal);
    }
  }

  #count(error: PerchError, host: string): void {
    this.#reportsMissing ||= error.code === 'notFound';
    if (error.code === 'unauthorized') {
      this.#refusals += 1;
      this.#lastRefusal = error;
      if (!this.#trial.credentials) {
        throw loginMissing({ host });
      }
      if (this.#refusals >= MAX_REFUSALS || (this.#reportsMissing && !this.#isDescribed)) {
        this.throwIfRefused();
      }
    }
    // A server of another protocol fails at every path.
    const isSilent = ['timeout', 'badInput'].includes(error.code) || error.context['isUnreachable'] === true;
    this.#silences = isSilent ? this.#silences + 1 : 0;
    // Requests without an RTSP reply before the server is given up.
    if (this.#silences >= 2) {
      const words = `${host} does not answer in RTSP: if it is a camera, try again in some minutes`;
      throw new PerchError('unavailable', words, { host, camera: 'unreachable' }, error);
    }
  }
}

export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) {
    throw new PerchError('unavailable', 'cancelled', { camera: 'unreachable' });
  }
}
