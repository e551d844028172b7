import type { DeletionResult } from '../../../../api-client/api-types.ts';
import { fetchJson } from '../../../../api-client/request.ts';
import { encodeName } from '../../../../api-client/urls.ts';
import { sleep } from '../../../../shell/sleep.ts';

const RETRY_MS = 500;
const IS_WRITTEN = /being written/;

/** Deletes all recordings of a path. The file being written by a removed camera is deleted once it is finished. */
export async function deleteRecordings(path: string): Promise<Pick<DeletionResult, 'bytes' | 'kept'>> {
  let bytes = 0;
  for (let turn = 1; ; turn += 1) {
    const answer = await fetchJson<DeletionResult>(`v3/recordings/deletepath/${encodeName(path)}`, {
      method: 'DELETE',
      limitMs: 120_000,
    }).catch(nothing);
    bytes += answer.bytes;
    if (turn === 20 || !answer.items.some(({ reason }) => IS_WRITTEN.test(reason))) {
      return { bytes, kept: answer.kept };
    }
    await sleep(RETRY_MS, new AbortController().signal);
  }
}

/** The result for a path without recordings, which the box rejects. */
function nothing(error: unknown): DeletionResult {
  if ((error as { status?: unknown }).status === 404) {
    return { deleted: 0, bytes: 0, kept: 0, items: [] };
  }
  throw error;
}
