import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';

const CHECK_MS = 60_000;

/** The device of a folder, or undefined if it is missing. */
type DeviceOf = (folder: string) => Promise<number | undefined>;

interface SameDiskDeps {
  /** Folders of recordings, one of each disk. */
  folders(): readonly string[];
  readonly clock: Pick<Clock, 'monoMs'>;
  /** Default: by `stat`. */
  readonly deviceOf?: DeviceOf;
}

/** Whether the folder of the archive is on a disk with recordings, which fail together. */
export class SameDisk {
  readonly #deps: SameDiskDeps;
  #folder = '';
  #isSame = false;
  #checkedMs = Number.NEGATIVE_INFINITY;
  /** A check is running. On a hanging network disk it never ends, so no second one is started. */
  #isChecking = false;

  constructor(deps: SameDiskDeps) {
    this.#deps = deps;
  }

  /** Result of the last check; starts the next one in the background. @param folder empty: there is no folder */
  isSame(folder: string): boolean {
    const { clock } = this.#deps;
    const isDue = folder !== this.#folder || clock.monoMs() - this.#checkedMs >= CHECK_MS;
    if (isDue && !this.#isChecking) {
      this.#isChecking = true;
      this.#checkedMs = clock.monoMs();
      this.#isSame = folder === this.#folder && this.#isSame;
      this.#folder = folder;
      void this.check(folder).then((isSame) => {
        this.#isSame = folder === this.#folder && isSame;
        this.#isChecking = false;
      });
    }
    return folder === this.#folder && this.#isSame;
  }

  async check(folder: string): Promise<boolean> {
    const { folders, deviceOf = deviceByStat } = this.#deps;
    const device = folder === '' ? undefined : await deviceOf(folder);
    const others = await Promise.all(folders().map((one) => deviceOf(one)));
    return device !== undefined && others.includes(device);
  }
}

const deviceByStat: DeviceOf = (folder) =>
  stat(folder).then(
    ({ dev }) => dev,
    () => undefined,
  );
