/** Of `/v3/recordings/transfer`. */
export interface Transfer {
  readonly kind: 'move' | 'import' | null;
  readonly phase: 'idle' | 'running' | 'waiting' | 'paused' | 'done' | 'failed' | 'canceled';
  readonly to: string | null;
  readonly files: Amount;
  readonly bytes: Amount;
  readonly bytesPerSecond: number | null;
  readonly remainingSeconds: number | null;
  readonly error: string | null;
  readonly why: string | null;
  readonly leftOut: { readonly count: number; readonly items: readonly LeftOut[] };
}

interface Amount {
  readonly done: number;
  readonly total: number;
}

interface LeftOut {
  readonly file: string;
  readonly why: string;
  readonly reason: string;
}

/** Of `/v3/recordings/transfer/foresee`. */
export interface Forecast {
  readonly files: number;
  readonly bytes: number;
  readonly freeBytes: number;
  readonly missingBytes: number;
  readonly old: number;
}

/** Of `/v3/disks/places`: a disk. */
export interface Place {
  readonly folder: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly isChosen: boolean;
  readonly writable: boolean;
}

/** Of `/v3/disks/folders`. */
export interface FolderList {
  readonly path: string;
  readonly parent: string | null;
  readonly items: readonly { readonly name: string; readonly path: string }[];
  readonly isCut: boolean;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly writable: boolean;
}

export const isOn = ({ phase }: Transfer): boolean => phase === 'running' || phase === 'waiting' || phase === 'paused';

/** 0 to 1. Files of unknown size count. */
export function shareOf({ files, bytes }: Pick<Transfer, 'files' | 'bytes'>): number {
  const { done, total } = bytes.total > 0 ? bytes : files;
  return total === 0 ? 0 : Math.min(1, done / total);
}
