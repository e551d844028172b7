import type { FastifyRequest } from 'fastify';
import type { ProtectionLookup } from '../../http/api/recordings/protected.ts';
import type { RecordingLookup } from '../../http/api/recordings/recordings.ts';
import { serverOf } from '../../http/auth/signed-requests.ts';
import type { RemotePlayback } from '../../playback/read/remote.ts';
import { loadLate } from '../../protocols/late.ts';
import type { SnapshotSource } from '../../record/snapshots/snapshot-taker.ts';
import type { Recordings } from '../../recordings/recordings.ts';
import type { JoinedTimeline } from './recordings/joined-timeline.ts';
import type { RemoteCamerasDeps, RemoteParts } from './recordings/remote-parts.ts';
import { isRecordedHere, namesByBox, remoteOf } from './requests/remote-paths.ts';

type Asked<K extends keyof Recordings> = Recordings[K] extends (...args: infer Args) => unknown ? Args : never;

/** The recordings of all cameras: those on this box, and for paths with a source `perch://` those on their box. */
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
      const { events, copies } = await this.#open();
      await events.apply(config);
      await copies.load();
    }
  }

  async close(): Promise<void> {
    const parts = await this.#parts?.catch(() => undefined);
    await parts?.copies.close();
    await parts?.events.close();
  }

  /** A paired server gets the recordings of this box only: two boxes that show each other's cameras would otherwise request in a loop. */
  has(path: string, request: FastifyRequest): boolean {
    return serverOf(request) === undefined && this.#isRemote(path);
  }

  /** Whether the path is recorded on another box, and not here. */
  isElsewhere(path: string): boolean {
    return this.#isRemote(path) && !isRecordedHere(this.#deps.config(), path);
  }

  #isRemote(path: string): boolean {
    return remoteOf(this.#deps.config(), path) !== undefined;
  }

  async list(...asked: Parameters<RemotePlayback['list']>) {
    return (await this.#remote()).list(...asked);
  }

  async get(...asked: Parameters<RemotePlayback['get']>) {
    return (await this.#remote()).get(...asked);
  }

  async partsOf(...asked: Parameters<RemotePlayback['partsOf']>) {
    return (await this.#remote()).partsOf(...asked);
  }

  async file(...asked: Parameters<RemotePlayback['file']>) {
    return (await this.#remote()).file(...asked);
  }

  /** Current pictures, from the newest recording of the box; undefined: the path is no camera of a box. */
  picturesOf(path: string): SnapshotSource | undefined {
    return this.#isRemote(path)
      ? { fetch: async (signal) => (await this.#open()).box.picture(path, signal) }
      : undefined;
  }

  async names(): Promise<readonly string[]> {
    const remote = [...namesByBox(this.#deps.config()).values()].flatMap((ofBox) => [...ofBox.values()].flat());
    return [...new Set([...(await this.#local.playedNames()), ...remote])];
  }

  /** @param isInList for a list of all cameras, which sends no requests to boxes */
  async segments(path: string, isInList = false): Promise<readonly { readonly start: string }[] | undefined> {
    if (isInList || !this.#isRemote(path)) {
      return this.#local.segments(path);
    }
    return (await (await this.#remote()).starts(path)).map((start) => ({ start }));
  }

  /** @param isOnlyHere for a paired server */
  async timeline(request: Asked<'timeline'>[0], isOnlyHere = false): Promise<JoinedTimeline> {
    return !isOnlyHere && this.#isRemote(request.path)
      ? (await this.#remote()).timeline(request)
      : { ...(await this.#local.timeline(request)), missing: null };
  }

  /** The box finds the picture nearest to an event when it is asked for it. */
  async listEvents(...asked: Asked<'listEvents'>) {
    const page = await this.#local.listEvents(...asked);
    const withPicture = (item: (typeof page.items)[number]) => ({ ...item, picture: item.picture ?? item.start });
    return { ...page, items: page.items.map((item) => (this.#isRemote(item.path) ? withPicture(item) : item)) };
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

  /** Missing parts of a saved clip are copied from the box, which may delete its recordings. */
  get protection(): ProtectionLookup {
    const { protection } = this.#local.space;
    return {
      list: () => protection.list(),
      setNote: (...asked) => protection.setNote(...asked),
      describe: async (id) => {
        const parts = await this.#parts;
        return { ...(await protection.describe(id)), copying: parts?.copies.stateOf(id) ?? null };
      },
      unprotect: async (id) => {
        await protection.unprotect(id);
        (await this.#parts)?.copies.remove(id);
      },
      protect: async (range) => {
        const made = await protection.protect(range);
        if (this.#isRemote(range.path)) {
          (await this.#open()).copies.add(made.id);
        }
        return made;
      },
    };
  }

  async #remote(): Promise<RemoteParts['recordings']> {
    return (await this.#open()).recordings;
  }

  #open(): Promise<RemoteParts> {
    this.#parts ??= loadLate('cameras of other boxes', () => import('./recordings/remote-parts.ts')).then(
      ({ openRemoteParts }) => openRemoteParts(this.#deps),
    );
    return this.#parts;
  }
}
