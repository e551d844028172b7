import type { Track } from '../media/sample/track.ts';

/** What sound becomes. */
export type Form = 'opus' | 'flac';

/** To the worker: beside these, batches of samples (`batch.ts`), each of which is answered by one of turned ones, in their order. */
export type Order =
  | { readonly type: 'open'; readonly lane: number; readonly form: Form; readonly track: Track }
  | { readonly type: 'close'; readonly lane: number };

/** From the worker, beside the answers: a lane could not be opened, or broke and begins anew. */
export interface Fault {
  readonly type: 'fault';
  readonly lane: number;
  readonly message: string;
}

export type ToWorker = Order | ArrayBuffer;
export type FromWorker = Fault | ArrayBuffer;
