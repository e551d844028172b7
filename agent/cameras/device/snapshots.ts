import { PerchError } from '../../base/errors.ts';
import { escapeXml, findText } from '../soap/xml.ts';
import { listProfiles } from './device.ts';
import { fetchPicture, originOf } from './fetch-picture.ts';
import type { CameraProfile } from './profiles.ts';
import { ask, requestsOf } from './requests.ts';
import { type CameraTarget, type OnvifSession, openSession } from './session.ts';

const PICTURE_DEADLINE_MS = 5_000;

export interface SnapshotOptions extends Omit<CameraTarget, 'signal'> {
  /** Token of the profile whose picture is wanted; the largest when it is not given or not there. */
  readonly profile?: string | undefined;
  readonly maxBytes: number;
}

/** What the camera has told, kept until something fails. */
interface Known {
  readonly session: OnvifSession;
  readonly media: OnvifMediaService;
  /** From the wanted one on, each smaller than the one before. */
  readonly tokens: readonly string[];
  readonly urls: Map<string, URL>;
}

/** A camera's own pictures (ONVIF Media 1 GetSnapshotUri). Of a camera whose picture is too large the next smaller profile's is taken. */
export class Snapshots {
  readonly #options: SnapshotOptions;
  #known: Known | undefined;
  /** Of `tokens`: those before it have given pictures that were too large. */
  #first = 0;

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** A JPEG of at most `maxBytes`. @throws PerchError 'unsupported' when the camera has none, or none so small */
  async fetch(signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.#fetch(signal);
    } catch (error) {
      // It may have another address, other profiles or other users by the next time.
      this.#known = undefined;
      throw error;
    }
  }

  async #fetch(signal: AbortSignal): Promise<Uint8Array> {
    this.#known ??= await this.#ask(signal);
    const { tokens } = this.#known;
    const { user, password = '', maxBytes } = this.#options;
    let sizeBytes: number | undefined;
    for (let i = Math.min(this.#first, tokens.length - 1); i < tokens.length; i += 1) {
      const url = await this.#urlOf(this.#known, tokens[i] ?? '');
      const credentials = user ? { user, password } : undefined;
      const picture = await fetchPicture({ url, credentials, maxBytes, deadlineMs: PICTURE_DEADLINE_MS, signal });
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

  async #ask(signal: AbortSignal): Promise<Known> {
    const session = await openSession({ ...this.#options, signal });
    const { media } = await requestsOf(session);
    const tokens = smallerFrom(await listProfiles(session), this.#options.profile);
    if (tokens.length === 0) {
      throw new PerchError('unsupported', 'the camera has no profile with a picture', { host: session.host });
    }
    return { session, media, tokens, urls: new Map() };
  }

  async #urlOf({ session, media, urls }: Known, token: string): Promise<URL> {
    let url = urls.get(token);
    if (!url) {
      const response = await ask(media.getSnapshotUri({ ProfileToken: escapeXml(token) }));
      url = pinnedPictureUrl(findText(response, 'MediaUri', 'Uri') ?? '', session.url);
      urls.set(token, url);
    }
    return url;
  }
}

/** Tokens from the wanted profile on, by size, each size once. */
function smallerFrom(profiles: readonly CameraProfile[], wanted: string | undefined): string[] {
  const areaOf = ({ width = 0, height = 0 }: CameraProfile): number => width * height;
  const bySize = [...profiles].sort((a, b) => areaOf(b) - areaOf(a));
  const first = profiles.find(({ token }) => token === wanted) ?? bySize[0];
  const smaller = first ? bySize.filter((profile) => areaOf(profile) < areaOf(first)) : [];
  const sizes = new Map(smaller.map((profile) => [areaOf(profile), profile.token]));
  return first ? [first.token, ...sizes.values()] : [];
}

/**
 * Cameras name another host (behind a router, with an old setting): port, path and query are right. The query stays as it is, some
 * have their login in it.
 * @throws PerchError badInput, unsupported
 */
export function pinnedPictureUrl(uri: string, camera: URL): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url?.protocol === 'https:') {
    throw new PerchError('unsupported', 'the camera gives its picture over https only, which is not supported', {
      host: camera.host,
    });
  }
  if (url?.protocol !== 'http:') {
    const words = url
      ? `'${originOf(url)}' is not the http address of a picture`
      : 'the camera names no address of a picture';
    throw new PerchError('badInput', words, { host: camera.host });
  }
  url.hostname = camera.hostname;
  url.username = '';
  url.password = '';
  return url;
}
