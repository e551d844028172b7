import { PerchError } from '../../base/errors.ts';
import type { ProtectionLookup } from '../../http/api/recordings/protected.ts';
import type { RecordingLookup } from '../../http/api/recordings/recordings.ts';
import type { RemotePlayback } from '../../playback/read/remote.ts';
import { formatLocalTime } from '../../playback/read/rfc3339.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { RemoteCamerasDeps, RemoteParts } from './remote-parts.ts';
import { namesByBox, recordedElsewhere } from './remote-paths.ts';

type Asked<K extends keyof Recordings> = Recordings[K] extends (...args: infer Args) => unknown ? Args : never;

/** The recordings of all cameras: here, and of paths with a source `perch://` where they lie. */
export class RemoteCameras implements RemotePlayback, RecordingLookup {
  readonly #deps: RemoteCamerasDeps;
  readonly #local: Recordings;
  #parts: Promise<RemoteParts> | undefined;

  constructor(deps: RemoteCamerasDeps) {
    this.#deps = deps;
    this.#local = deps.recordings;
  }

  /** Follows the events of the configured boxes. */
  async apply(): Promise<void> {
    const config = this.#deps.config();
    if (this.#parts || namesByBox(config).size > 0) {
      await (await this.#open()).events.apply(config);
    }
  }

  async close(): Promise<void> {
    await (await this.#parts?.catch(() => undefined))?.events.close();
  }

  has(path: string): boolean {
    return recordedElsewhere(this.#deps.config(), path) !== undefined;
  }

  async list(...asked: Parameters<RemotePlayback['list']>) {
    return (await this.#remote()).list(...asked);
  }

  async get(...asked: Parameters<RemotePlayback['get']>) {
    return (await this.#remote()).get(...asked);
  }

  async file(...asked: Parameters<RemotePlayback['file']>) {
    return (await this.#remote()).file(...asked);
  }

  async names(): Promise<readonly string[]> {
    const config = this.#deps.config();
    const remote = [...namesByBox(config).values()].flatMap((ofBox) => [...ofBox.values()].flat());
    return [...new Set([...(await this.#local.names()), ...remote.filter((name) => this.has(name))])];
  }

  /** @param isInList a list of all cameras asks no box: a remote camera is in it without its recordings */
  async segments(path: string, isInList = false): Promise<readonly { readonly start: string }[] | undefined> {
    if (!this.has(path)) {
      return this.#local.segments(path);
    }
    const spans = isInList ? [] : await (await this.#remote()).spans(path);
    return spans.map(({ startUs }) => ({ start: formatLocalTime(startUs, undefined) }));
  }

  async timeline(request: Asked<'timeline'>[0]) {
    return this.has(request.path) ? (await this.#remote()).timeline(request) : this.#local.timeline(request);
  }

  /** The box finds the picture nearest to an event when it is asked for it. */
  async listEvents(...asked: Asked<'listEvents'>) {
    const page = await this.#local.listEvents(...asked);
    const withPicture = (item: (typeof page.items)[number]) => ({ ...item, picture: item.picture ?? item.start });
    return { ...page, items: page.items.map((item) => (this.has(item.path) ? withPicture(item) : item)) };
  }

  eventDigest(...asked: Asked<'eventDigest'>) {
    return this.#local.eventDigest(...asked);
  }

  markEvents(...asked: Asked<'markEvents'>) {
    return this.#local.markEvents(...asked);
  }

  markEventsUpTo(...asked: Asked<'markEventsUpTo'>) {
    return this.#local.markEventsUpTo(...asked);
  }

  deleteSegment(...asked: Asked<'deleteSegment'>) {
    return this.#local.deleteSegment(...asked);
  }

  deletePath(...asked: Asked<'deletePath'>) {
    return this.#local.deletePath(...asked);
  }

  index() {
    return this.#local.index();
  }

  /** Refuses to save what a box may delete. */
  get protection(): ProtectionLookup {
    const { protection } = this.#local.space;
    return {
      list: () => protection.list(),
      setNote: (...asked) => protection.setNote(...asked),
      describe: (id) => protection.describe(id),
      unprotect: (id) => protection.unprotect(id),
      protect: async (range) => {
        const { path } = range;
        const remote = recordedElsewhere(this.#deps.config(), path);
        if (remote) {
          const message = `the recordings of '${path}' lie on another box: save the clip there, or download it`;
          throw new PerchError('badInput', message, { path, why: 'onOtherBox' });
        }
        return protection.protect(range);
      },
    };
  }

  async #remote(): Promise<RemoteParts['recordings']> {
    return (await this.#open()).recordings;
  }

  #open(): Promise<RemoteParts> {
    this.#parts ??= loadLate('cameras of other boxes', () => import('./remote-parts.ts')).then(({ openRemoteParts }) =>
      openRemoteParts(this.#deps),
    );
    return this.#parts;
  }
}
