import { access, constants, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { OWN_FOLDER } from '../../../../system/mounts.ts';
import { PerchError } from '../../../base/errors.ts';
import { resolvePath } from '../../../config/load/load.ts';
import { RecordPathPattern } from '../../../record/file/record-path.ts';
import { nearestFolder } from '../../../record/file/segment-fs.ts';
import { diskOf, roomOf } from '../../../recordings/copy/forecast.ts';
import type { StoredTransfer, TransferForecast, TransferSource } from '../../../recordings/copy/transfer-kind.ts';
import type { Host } from '../../contract.ts';
import { requireOwnFolder } from '../run/folders.ts';
import type { MoveRequest } from '../run/requests.ts';
import { MoveList } from './move-list.ts';

const NAMES = '%path/%Y-%m-%d_%H-%M-%S-%f';
const BELOW_MOUNT = `${OWN_FOLDER}/${NAMES}`;

/** Recordings of this box that are not where their paths record now. */
export class MoveSource implements TransferSource {
  readonly #host: Pick<Host, 'clock' | 'config' | 'edits' | 'recordings'>;

  constructor(host: Pick<Host, 'clock' | 'config' | 'edits' | 'recordings'>) {
    this.#host = host;
  }

  /** New recordings go to the wanted disk at once. */
  async begin({ from, to }: MoveRequest): Promise<{ readonly from?: string }> {
    const source = from === undefined ? {} : { from: await requireOwnFolder(from) };
    const template = await this.#templateFor(to);
    if (template !== undefined) {
      await this.#host.edits.patchPathDefaults({ recordPath: template }, { hasAllRights: true });
      await this.#host.recordings.settled();
    }
    return source;
  }

  async forecast(request: MoveRequest, signal: AbortSignal): Promise<TransferForecast> {
    const config = this.#host.config();
    const { recordPath } = config.pathDefaults;
    const template = (await this.#templateFor(request.to)) ?? recordPath;
    const from = request.from === undefined ? undefined : await requireOwnFolder(request.from);
    const now = (path: string) => this.#templateOf(path);
    const list = this.#list(from, (path) => (now(path) === recordPath ? template : now(path)));
    const { files, bytes } = await list.sum({ signal });
    const { freeBytes, keptFreeBytes } = await diskOf(template, config);
    const missingBytes = Math.max(0, -roomOf({ bytes, freeBytes, keptFreeBytes }));
    return { files, bytes, freeBytes, keptFreeBytes, old: 0, missingBytes };
  }

  list({ from }: Pick<StoredTransfer, 'from'>): MoveList {
    return this.#list(from, (path) => this.#templateOf(path));
  }

  places({ from }: Pick<StoredTransfer, 'from'>): { readonly from: string | null; readonly to: string } {
    return { from: from ?? null, to: folderOf(this.#host.config().pathDefaults.recordPath) };
  }

  #list(from: string | undefined, templateOf: (path: string) => string): MoveList {
    const { clock, recordings } = this.#host;
    return new MoveList(from, {
      clock,
      templateOf,
      playback: recordings.playback,
      isIndexWhole: () => recordings.space.isIndexWhole,
      isOpen: (file) => recordings.isOpen(file),
      keep: (file) => recordings.keep(file),
    });
  }

  /** The `recordPath` for a disk, or undefined if the present one stays. @throws PerchError badInput */
  async #templateFor(to: string | undefined): Promise<string | undefined> {
    if (to === undefined) {
      return undefined;
    }
    const folder = await requireOwnFolder(to);
    const isMount = (await stat(folder)).dev !== (await stat(dirname(folder))).dev || folder === '/';
    const template = join(folder, isMount ? BELOW_MOUNT : NAMES);
    const { at } = await nearestFolder(folderOf(template));
    await access(at, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
      const text = `Perch may not write in ${at}: give the user that it runs as the right`;
      throw new PerchError('badInput', text, {}, cause);
    });
    return (await realpath(at)) === at && template !== this.#host.config().pathDefaults.recordPath
      ? template
      : undefined;
  }

  #templateOf(path: string): string {
    const config = this.#host.config();
    return (resolvePath(config, path)?.settings ?? config.pathDefaults).recordPath;
  }
}

const folderOf = (template: string): string => new RecordPathPattern(template, undefined).folder;
