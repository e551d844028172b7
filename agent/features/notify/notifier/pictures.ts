import { putBounded } from '../../../base/bounded-map.ts';
import type { Clock } from '../../../base/clock.ts';
import { ignoreExpected, PerchError } from '../../../base/errors.ts';
import type { Host } from '../../contract.ts';
import type { Notice } from '../rules/notice.ts';
import type { NoticePictures } from '../rules/target.ts';

/** A camera that has no picture small enough is asked again after this time. */
const NO_THUMBNAIL_MS = 3_600_000;

interface EventPicturesDeps {
  readonly source: Pick<Host['pictures'], 'picture' | 'small'>;
  readonly clock: Clock;
  readonly maxThumbnailBytes: number;
}

/** Pictures of the last notices, each taken when the first target needs it. */
export class EventPictures {
  readonly #deps: EventPicturesDeps;
  readonly #kept = new Map<string, Promise<Uint8Array | undefined>>();
  /** Monotonic time when a camera last had no picture small enough, by path. */
  readonly #withoutThumbnail = new Map<string, number>();

  constructor(deps: EventPicturesDeps) {
    this.#deps = deps;
  }

  of(notice: Notice): NoticePictures {
    let small: Promise<Uint8Array | undefined> | undefined;
    return {
      full: () => this.#full(notice),
      thumbnail: () => {
        small ??= this.#thumbnail(notice);
        return small;
      },
    };
  }

  /** Picture of a notice that was made since the start of Perch, or undefined if the notice is unknown or has no picture. */
  kept(path: string, id: string): Promise<Uint8Array | undefined> | undefined {
    return this.#kept.get(eventKey(path, id));
  }

  #full({ path, id }: Notice): Promise<Uint8Array | undefined> {
    const key = eventKey(path, id);
    let picture = this.#kept.get(key);
    if (!picture) {
      picture = path === '' ? Promise.resolve(undefined) : this.#taken(path);
      putBounded(this.#kept, key, picture, 20);
    }
    return picture;
  }

  async #taken(path: string): Promise<Uint8Array | undefined> {
    const picture = await this.#deps.source.picture(path).catch(ignoreExpected);
    // A larger frame of an MJPEG stream is left out: waiting messages keep it in memory, and mail servers reject it.
    return picture && picture.length <= 1 << 20 ? picture : undefined;
  }

  async #thumbnail(notice: Notice): Promise<Uint8Array | undefined> {
    const { clock, maxThumbnailBytes, source } = this.#deps;
    const { path } = notice;
    const full = this.#full(notice);
    if (clock.monoMs() - (this.#withoutThumbnail.get(path) ?? -Infinity) < NO_THUMBNAIL_MS) {
      return undefined;
    }
    const picture = await full;
    if (!picture || picture.length <= maxThumbnailBytes) {
      return picture;
    }
    return source.small(path, maxThumbnailBytes).catch((error: unknown) => {
      if (error instanceof PerchError && error.code === 'unsupported') {
        putBounded(this.#withoutThumbnail, path, clock.monoMs(), 500);
      }
      return ignoreExpected(error);
    });
  }
}

const eventKey = (path: string, id: string): string => `${id} ${path}`;
