import { foreseeUses, recordingOf, recordingTo } from '../../../recordings/copy/forecast.ts';
import type {
  ImportForecast,
  StoredTransfer,
  TransferForecast,
  TransferSource,
} from '../../../recordings/copy/transfer-kind.ts';
import type { Host } from '../../contract.ts';
import { requireOwnFolder } from '../run/folders.ts';
import type { ImportRequest } from '../run/requests.ts';
import { lookInto, usesOf } from './import-groups.ts';
import { ImportList } from './import-list.ts';

/** Recordings of other programs in a folder. */
export class ImportSource implements TransferSource {
  readonly #host: Pick<Host, 'clock' | 'config' | 'recordings'>;

  constructor(host: Pick<Host, 'clock' | 'config' | 'recordings'>) {
    this.#host = host;
  }

  async begin({ from }: Pick<ImportRequest, 'from'>): Promise<{ readonly from: string }> {
    return { from: await requireOwnFolder(from) };
  }

  async look({ from }: Pick<ImportRequest, 'from'>, signal: AbortSignal): Promise<ImportForecast> {
    const { clock, recordings } = this.#host;
    const isOwn = (file: string) => recordings.playback.stateOf(file) !== undefined;
    return lookInto(await requireOwnFolder(from), { nowMs: clock.wallMs(), signal, isOwn });
  }

  async forecast({ from, items }: ImportRequest, signal: AbortSignal): Promise<TransferForecast> {
    const { clock, config } = this.#host;
    const folder = await requireOwnFolder(from);
    const beforeMs = new Map<string, number>();
    for (const { group, path } of items) {
      const { recordDeleteAfterMs: keptMs } = recordingTo(config(), path);
      beforeMs.set(group, keptMs > 0 ? clock.wallMs() - keptMs : Number.NEGATIVE_INFINITY);
    }
    return foreseeUses(await usesOf(folder, beforeMs, signal), items, config());
  }

  list({ from = '', items = [], memory }: Pick<StoredTransfer, 'from' | 'items' | 'memory'>): ImportList {
    const { clock, config, recordings } = this.#host;
    return new ImportList(from, items, memory, {
      clock,
      settingsOf: (path) => recordingOf(config(), path),
      isOwn: (file) => recordings.playback.stateOf(file) !== undefined,
    });
  }
}
