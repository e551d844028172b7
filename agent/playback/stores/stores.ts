import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../base/clock.ts';
import type { SnapshotSource } from '../../record/snapshots/snapshot-taker.ts';
import type { Playback } from '../playback.ts';
import type { PathRecordings, RecordingStore, StoreOffer } from './contract.ts';
import { DiskStore } from './disk-store.ts';
import { JoinedStore, type JoinedStoreDeps } from './joined-store.ts';

interface StoresDeps extends Pick<JoinedStoreDeps, 'isRecorded'> {
  readonly playback: Playback;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly titleOf: DiskStore['titleOf'];
  /** Whether a paired server asks. It gets the recordings of this box only: two boxes that show each other's cameras would otherwise request in a loop. */
  isServer(request: FastifyRequest): boolean;
}

/** The recordings of all paths, wherever they lie. */
export class Stores {
  readonly disk: DiskStore;
  readonly #deps: StoresDeps;
  readonly #offers: StoreOffer[] = [];
  readonly #joined = new Map<RecordingStore, JoinedStore>();

  constructor(deps: StoresDeps) {
    this.#deps = deps;
    this.disk = new DiskStore(deps.playback, deps.titleOf);
  }

  add(offer: StoreOffer): void {
    this.#offers.push(offer);
  }

  /** What answers for a path. @param request absent: not of a paired server */
  async of(path: string, request?: FastifyRequest): Promise<PathRecordings> {
    const offer = request && this.#deps.isServer(request) ? undefined : this.#offerOf(path);
    if (!offer) {
      return this.disk;
    }
    const other = await offer.open();
    const joined = this.#joined.get(other) ?? new JoinedStore({ ...this.#deps, disk: this.disk, other });
    this.#joined.set(other, joined);
    return joined;
  }

  /** Whether recordings of the path lie elsewhere, too. */
  isShared(path: string): boolean {
    return this.#offerOf(path) !== undefined;
  }

  /** Whether a camera that is elsewhere does this there: what is recorded here, too, is played here, and not turned or switched. */
  isElsewhere(path: string, action = 'playback'): boolean {
    return this.isShared(path) && (action === 'turn' || action === 'switch' || !this.#deps.isRecorded(path));
  }

  /** Paths with recordings that play, and those whose recordings lie elsewhere. */
  async names(): Promise<readonly string[]> {
    const elsewhere = this.#offers.flatMap((offer) => offer.names());
    return [...new Set([...(await this.disk.playback.playedNames()), ...elsewhere])];
  }

  /** Current pictures, from the newest recording elsewhere. */
  picturesOf(path: string): SnapshotSource | undefined {
    const offer = this.#offerOf(path);
    return offer && { fetch: async (signal) => (await offer.open()).picture(path, signal) };
  }

  #offerOf(path: string): StoreOffer | undefined {
    return this.#offers.find((offer) => offer.has(path));
  }
}
