import { type TrackRun, tableOf, writeFragmentHeader } from '../../../agent/media/mp4/write/fragment.ts';

/** `[moof + mdat header, data of every sample, run after run]`: one allocation, the samples' bytes are not copied. */
export function writeFragment(sequence: number, runs: readonly TrackRun[]): Uint8Array[] {
  const pieces: Uint8Array[] = [writeFragmentHeader(sequence, runs.map(tableOf))];
  for (const run of runs) {
    for (const sample of run.samples) {
      pieces.push(sample.data);
    }
  }
  return pieces;
}
