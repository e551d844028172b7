import { stat } from 'node:fs/promises';
import type { Logger } from '../../base/log.ts';

const READ_BY_OTHERS = 0o004;

/** A file that is not there is made for its owner alone. */
export async function isReadByAll(file: string | undefined): Promise<boolean> {
  const status = file === undefined ? undefined : await stat(file).catch(() => undefined);
  return status !== undefined && (status.mode & READ_BY_OTHERS) !== 0;
}

/** Says once in its life that everybody on this machine can read a file with passwords. Its mode is the owner's, and stays. */
export class OpenFileWarning {
  readonly #log: Logger;
  #isTold = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @returns what to say and do; undefined when it has been said */
  tell(file: string): string | undefined {
    if (this.#isTold) {
      return undefined;
    }
    this.#isTold = true;
    const todo = `chmod 600 '${file.replaceAll("'", "'\\''")}'`;
    this.#log.warn({ file, todo }, 'passwords of cameras stand in a file that everybody on this machine can read');
    return `everybody on this machine can read ${file}, in which passwords of cameras stand: ${todo}`;
  }
}
