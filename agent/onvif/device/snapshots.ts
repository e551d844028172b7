import { PerchError } from '../../base/errors.ts';
import { nameOf, placeOf } from '../soap/http/http-exchange.ts';
import type { LoginMemory } from '../soap/login/login-memory.ts';
import { fetchPicture } from './fetch-picture.ts';
import { askSnapshotUri, listProfiles } from './media.ts';
import type { CameraProfile } from './profiles.ts';
import { type CameraTarget, type OnvifSession, openSession, sharedLogins } from './session.ts';
import { pinnedPictureUrl } from './snapshot-address.ts';

const PICTURE_DEADLINE_MS = 5_000;

export interface SnapshotOptions extends Omit<CameraTarget, 'signal'> {
  /** Token of the profile whose picture is wanted; the largest when it is not given or not there. */
  readonly profile?: string | undefined;
  readonly maxBytes: number;
}

/** What the camera has told, kept until something fails. */
interface Known {
  readonly session: OnvifSession;
  /** From the wanted one on, each smaller than the one before. */
  readonly profiles: readonly CameraProfile[];
  readonly urls: Map<string, URL>;
}

/** A camera's own pictures (GetSnapshotUri). Of a camera whose picture is too large the next smaller profile's is taken. */
export class Snapshots {
  readonly #options: SnapshotOptions;
  #known: Known | undefined;
  /** Of `profiles`: those before it have given pictures that were too large. */
  #first = 0;
  readonly #logins: LoginMemory;

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#logins = options.logins ?? sharedLogins;
  }

  /** A JPEG of at most `maxBytes`. @throws PerchError 'unsupported' when the camera has none, or none so small */
  async fetch(signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await untilAborted(this.#fetch(signal), signal);
    } catch (error) {
      // It may have another address, other profiles or other users by the next time.
      this.#known = undefined;
      throw error;
    }
  }

  async #fetch(signal: AbortSignal): Promise<Uint8Array> {
    if (signal.aborted) {
      throw nobodyWaits();
    }
    this.#known ??= await untilAborted(this.#ask(), signal);
    const { profiles, session } = this.#known;
    const { maxBytes, isClearAllowed = false, isAsked, guard } = this.#options;
    let sizeBytes: number | undefined;
    for (let i = Math.min(this.#first, profiles.length - 1); i < profiles.length; i += 1) {
      const url = await untilAborted(this.#urlOf(this.#known, profiles[i]), signal);
      const key = session.credentials && { ...session.credentials, camera: cameraOf(session), channel: 'picture' };
      // A still is taken at every event: a login that is refused must not be tried each time.
      const login = session.credentials &&
        key && {
          credentials: session.credentials,
          isClearAllowed,
          turn: (waiting: AbortSignal) => this.#logins.turn(key, { isAsked, signal: waiting }),
        };
      const picture = await fetchPicture({
        url,
        host: session.host,
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
      `the camera's smallest picture is too large: ${size}at most ${maxBytes} are kept`,
    );
  }

  async #ask(): Promise<Known> {
    // It is kept for later pictures, so it does not end with whoever wants this one.
    const session = await openSession({ ...this.#options, signal: new AbortController().signal });
    const profiles = smallerFrom(await listProfiles(session), this.#options.profile);
    if (profiles.length === 0) {
      throw new PerchError('unsupported', 'the camera has no profile with a picture', { host: session.host });
    }
    return { session, profiles, urls: new Map() };
  }

  async #urlOf({ session, urls }: Known, profile: CameraProfile | undefined): Promise<URL> {
    let url = profile && urls.get(profile.token);
    if (!url) {
      url = pinnedPictureUrl((profile && (await askSnapshotUri(session, profile))) ?? '', session.url);
      urls.set(profile?.token ?? '', url);
    }
    return url;
  }
}

/** As its other logins name it: what one of them is refused counts for all. */
const cameraOf = ({ url, host }: OnvifSession): string => nameOf({ ...placeOf(url), host });

const nobodyWaits = () => new PerchError('unavailable', 'nobody waits for the picture any more');

/** Calls to a camera end by themselves, with their deadline; nobody has to wait for that. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(nobodyWaits());
    if (signal.aborted) {
      abort();
    }
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Those from the wanted profile on, by size, each size once. */
function smallerFrom(profiles: readonly CameraProfile[], wanted: string | undefined): CameraProfile[] {
  const areaOf = ({ width = 0, height = 0 }: CameraProfile): number => width * height;
  const bySize = [...profiles].sort((a, b) => areaOf(b) - areaOf(a));
  const first = profiles.find(({ token }) => token === wanted) ?? bySize[0];
  const smaller = first ? bySize.filter((profile) => areaOf(profile) < areaOf(first)) : [];
  const sizes = new Map(smaller.map((profile) => [areaOf(profile), profile]));
  return first ? [first, ...sizes.values()] : [];
}
