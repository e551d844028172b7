import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';

const LOOK_MS = 60_000;

interface SameDiskDeps {
  /** Folders of recordings, one of each disk. */
  folders(): readonly string[];
  readonly clock: Pick<Clock, 'monoMs'>;
}

/** Whether the folder of the archive is on a disk with recordings, which fail together. */
export class SameDisk {
  readonly #deps: SameDiskDeps;
  #folder = '';
  #isSame = false;
  #lookMs = Number.NEGATIVE_INFINITY;

  constructor(deps: SameDiskDeps) {
    this.#deps = deps;
  }

  /** As last seen; looks again in the background. @param folder empty: none */
  isSame(folder: string): boolean {
    const { clock } = this.#deps;
    if (folder !== this.#folder || clock.monoMs() - this.#lookMs >= LOOK_MS) {
      this.#lookMs = clock.monoMs();
      this.#isSame = folder === this.#folder && this.#isSame;
      this.#folder = folder;
      void this.look(folder).then((isSame) => {
        this.#isSame = folder === this.#folder && isSame;
      });
    }
    return this.#isSame;
  }

  async look(folder: string): Promise<boolean> {
    const device = folder === '' ? undefined : await deviceOf(folder);
    const others = await Promise.all(this.#deps.folders().map(deviceOf));
    return device !== undefined && others.includes(device);
  }
}

/** undefined: it is missing. */
const deviceOf = (folder: string): Promise<number | undefined> =>
  stat(folder).then(
    ({ dev }) => dev,
    () => undefined,
  );
