import type { Transfer } from '../../../../api-client/api-types.ts';

/** Of `/v3/disks/places`: a disk. */
export interface Place {
  readonly folder: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly isChosen: boolean;
  readonly writable: boolean;
}

export const isOn = ({ phase }: Pick<Transfer, 'phase'>): boolean =>
  phase === 'running' || phase === 'waiting' || phase === 'paused';

/** 0 to 1. Files of unknown size count. */
export function shareOf({ files, bytes }: Pick<Transfer, 'files' | 'bytes'>): number {
  const { done, total } = bytes.total > 0 ? bytes : files;
  return total === 0 ? 0 : Math.min(1, done / total);
}
