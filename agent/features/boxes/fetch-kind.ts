import { loadLate } from '../../protocols/late.ts';
import type { TransferKind } from '../../recordings/copy/transfer-kind.ts';
import type { BoxFetchesDeps } from './fetch/box-fetches.ts';
import { BoxLook, FetchRequest } from './fetch/fetch-request.ts';

/** Recordings of paired boxes. */
export const fetchKind = (deps: BoxFetchesDeps): TransferKind => ({
  kind: 'fetch',
  request: FetchRequest,
  look: BoxLook,
  load: async () => {
    const { BoxFetches } = await loadLate('fetching of recordings', () => import('./fetch/box-fetches.ts'));
    return new BoxFetches(deps);
  },
});
