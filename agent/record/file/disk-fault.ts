import { PerchError } from '../../base/errors.ts';

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space there, lower recordDeleteAfter or set a larger recordMinFree',
  EDQUOT: 'the disk quota is used up: free space there or lower recordDeleteAfter or recordMaxSize',
  EACCES: 'permission denied: give the user that Perch runs as the right to write there',
  EPERM: 'permission denied: give the user that Perch runs as the right to write there',
  EROFS: 'the disk is mounted read-only: mount it writable or check it for errors',
  EIO: 'the disk reports an input/output error: check the disk and its cable',
  ENOENT: 'the folder is gone: check that the disk is mounted',
  ENOTDIR: 'a file stands where a folder is needed: remove it or change recordPath',
  EEXIST: 'a file stands where a folder is needed: remove it or change recordPath',
  ENAMETOOLONG: 'the name is too long for this disk: shorten recordPath',
  EMFILE: 'too many open files: raise the limit of open files',
};

export const adviceOf = (code: string): string => ADVICE[code] ?? 'check the disk';

/** A message with folder, reason and advice for a disk that cannot be written. */
export function diskFault(folder: string, cause: unknown): PerchError {
  const code = codeOf(cause);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new PerchError(
    isFull ? 'exhausted' : 'unavailable',
    `cannot write recordings to ${folder}: ${adviceOf(code)}`,
    { folder, code },
    cause,
  );
}

/** Why nothing is recorded, for programs; `disk`: the disk's own state has the reason. */
export type RecordingTrouble =
  | 'disk'
  | 'diskFull'
  | 'diskFailing'
  | 'diskReadOnly'
  | 'noRights'
  | 'nothingToRecord'
  | 'fault';

const TROUBLES: Readonly<Record<string, RecordingTrouble>> = {
  ENOSPC: 'diskFull',
  EDQUOT: 'diskFull',
  EROFS: 'diskReadOnly',
  EACCES: 'noRights',
  EPERM: 'noRights',
};

export const troubleOfDisk = (code: string): RecordingTrouble =>
  TROUBLES[code] ?? (isDiskFailing(code) ? 'diskFailing' : 'disk');

const FAILING = new Set(['EIO', 'ENODEV', 'ENXIO', 'ESTALE', 'EREMOTEIO', 'ENOTCONN']);

/** I/O errors: the disk is damaged, or was removed while mounted. */
export const isDiskFailing = (code: string): boolean => FAILING.has(code);

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** For `catch`: undefined for a file that is damaged, gone or unreadable. Other exceptions are bugs and are thrown. */
export function unlessFileFault(error: unknown): undefined {
  if (!(error instanceof PerchError) && codeOf(error) === '') {
    throw error;
  }
}
