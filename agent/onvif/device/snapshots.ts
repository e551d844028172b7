import { PerchError } from '../../base/errors.ts';
import { hostPortOf, httpOriginOf } from '../soap/http/origin.ts';
import { type LoginMemory, sharedLogins } from '../soap/login/login-memory.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { getSnapshotUri, listProfiles } from './media.ts';
import { type PictureAddress, snapshotAddress } from './media-uri.ts';
import { type CameraTarget, type OnvifSession, openSession } from './onvif-session.ts';
import { type CameraProfile, pixelsOf } from './profiles.ts';

const PICTURE_DEADLINE_MS = 5_000;

export interface SnapshotOptions extends Omit<CameraTarget, 'signal'> {
  /** Token of the wanted profile; the largest if missing or absent. */
  readonly profile?: string | undefined;
  readonly maxBytes: number;
}

/** Cached until a failure. */
interface SnapshotTarget {
  readonly session: OnvifSession;
  /** The wanted profile, then smaller ones in descending size. */
  readonly profiles: readonly CameraProfile[];
  readonly addresses: Map<string, PictureAddress>;
}

/** Snapshots of one camera (GetSnapshotUri). If a picture is too large, the next smaller profile is used. */
export class Snapshots {
  readonly #options: SnapshotOptions;
  #known: SnapshotTarget | undefined;
  /** Index into `profiles`: earlier ones gave pictures that were too large. */
  #first = 0;
  readonly #logins: LoginMemory;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#logins = options.logins ?? sharedLogins;
  }

  /** A JPEG of at most `maxBytes`. @throws PerchError 'unsupported' if there is none, or none that small */
  async fetch(signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await untilAborted(this.#fetch(signal), signal);
    } catch (error) {
      // Address, profiles or users may have changed.
      this.#known = undefined;
      throw error;
    }
  }

  async #fetch(signal: AbortSignal): Promise<Uint8Array> {
    if (signal.aborted) {
      throw cancelled();
    }
    this.#known ??= await untilAborted(this.#ask(), signal);
    const { profiles, session } = this.#known;
    const { maxBytes, isClearAllowed = false, isInteractive, guard } = this.#options;
    const { credentials, host } = session;
    // Every event takes a snapshot: a rejected login must not be tried each time.
    const login = credentials && {
      credentials,
      isClearAllowed,
      turn: (waiting: AbortSignal) => {
        // The camera as in its other logins, so that rejections count together.
        const camera = hostPortOf({ ...httpOriginOf(session.url), host });
        return this.#logins.turn({ ...credentials, camera, channel: 'picture' }, { isInteractive, signal: waiting });
      },
    };
    let sizeBytes: number | undefined;
    for (let i = Math.min(this.#first, profiles.length - 1); i < profiles.length; i += 1) {
      const address = await untilAborted(this.#addressOf(this.#known, profiles[i]), signal);
      const picture = await fetchSnapshot({
        ...address,
        host,
        login,
        guard,
        maxBytes,
        deadlineMs: PICTURE_DEADLINE_MS,
        signal,
      });
      if (picture.kind === 'jpeg') {
        return picture.bytes;
      }
      sizeBytes = picture.bytes ?? sizeBytes;
      this.#first = i + 1;
    }
    const size = sizeBytes === undefined ? '' : `${sizeBytes} bytes, `;
    throw new PerchError(
      'unsupported',
      `the camera's smallest picture is too large: ${size}at most ${maxBytes} are allowed`,
    );
  }

  async #ask(): Promise<SnapshotTarget> {
    // Cached for later pictures, so it does not end with this request's signal.
    const session = await openSession({ ...this.#options, signal: new AbortController().signal });
    const profiles = smallerFrom(await listProfiles(session), this.#options.profile);
    if (profiles.length === 0) {
      throw new PerchError('unsupported', 'the camera has no profile with a picture', { host: session.host });
    }
    return { session, profiles, addresses: new Map() };
  }

  async #addressOf(
    { session, addresses }: SnapshotTarget,
    profile: CameraProfile | undefined,
  ): Promise<PictureAddress> {
    let address = profile && addresses.get(profile.token);
    if (!address) {
      address = snapshotAddress((profile && (await getSnapshotUri(session, profile))) ?? '', session.url);
      addresses.set(profile?.token ?? '', address);
    }
    return address;
  }
}

const cancelled = () => new PerchError('unavailable', 'the request for the picture was cancelled');

/** Camera calls end with their own deadline; the caller does not have to wait for it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cancelled());
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The profiles from the wanted one on, in descending size, each size once. */
function smallerFrom(profiles: readonly CameraProfile[], wanted: string | undefined): CameraProfile[] {
  const bySize = profiles.toSorted((a, b) => pixelsOf(b) - pixelsOf(a));
  const first = profiles.find(({ token }) => token === wanted) ?? bySize[0];
  const smaller = first ? bySize.filter((profile) => pixelsOf(profile) < pixelsOf(first)) : [];
  const sizes = new Map(smaller.map((profile) => [pixelsOf(profile), profile]));
  return first ? [first, ...sizes.values()] : [];
}
