import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerchError } from '../../../base/errors.ts';
import { diskFaultOf } from '../../../recordings/copy/left-file.ts';

/** System calls that read the file that is taken, or one that belongs to it. */
const READS = new Set(['open', 'stat', 'lstat', 'access']);

/** The folder whose files are imported. Distinguishes a bad file from a disk that is away. */
export class SourceFolder {
  readonly #folder: string;
  readonly #device: number | undefined;

  static async open(folder: string): Promise<SourceFolder> {
    return new SourceFolder(folder, await deviceOf(folder));
  }

  private constructor(folder: string, device: number | undefined) {
    this.#folder = folder;
    this.#device = device;
  }

  /** @returns why the file is left out @throws PerchError if no file can be taken now */
  async faultOf(error: unknown, name: string): Promise<PerchError> {
    const { syscall = '', path } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
    const folder = dirname(join(this.#folder, name));
    const isOfFile = syscall === 'read' || (READS.has(syscall) && path !== undefined && dirname(path) === folder);
    if (!isOfFile) {
      throw diskFaultOf(error, `cannot take ${name}`);
    }
    if ((await deviceOf(this.#folder)) !== this.#device) {
      const text = `the disk of ${this.#folder} is away: it continues when it is there again`;
      throw new PerchError('unavailable', text, { why: 'away' }, error);
    }
    return new PerchError('unavailable', 'it cannot be read', { why: 'unreadable' }, error);
  }
}

const deviceOf = async (folder: string): Promise<number | undefined> =>
  (await stat(folder).catch(() => undefined))?.dev;
