import type { TransferState } from '../api-client/api-types.ts';

export const isOn = ({ phase }: Pick<TransferState, 'phase'>): boolean =>
  phase === 'running' || phase === 'waiting' || phase === 'paused';

/** Progress, 0 to 1: by bytes, or by files while the sizes are unknown. */
export function shareOf({ files, bytes }: Pick<TransferState, 'files' | 'bytes'>): number {
  const { done, total } = bytes.total > 0 ? bytes : files;
  return total === 0 ? 0 : Math.min(1, done / total);
}
