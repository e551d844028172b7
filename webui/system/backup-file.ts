import type { RestorePlan } from '../api-client/api-types.ts';
import { okResponse, send } from '../api-client/request.ts';

/** The box's limit for a backup file. */
export const MAX_BYTES = 4 << 20;
const MAX_WAIT_MS = 60_000;

/** Downloads a file under the box's name for it. */
export async function fetchFile(address: string, options: RequestInit = {}): Promise<File> {
  const response = await okResponse(await send(address, options, MAX_WAIT_MS));
  const [, name = 'perch'] = /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '') ?? [];
  return new File([await response.blob()], name);
}

/** @param password the owner's, because the file holds all others */
export const fetchBackup = (password: string): Promise<File> =>
  fetchFile('v3/backup', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ password }),
  });

/** @param setupCode before the box has an owner */
export async function checkBackup(file: File, setupCode: string): Promise<RestorePlan> {
  return (await (await post('v3/restore/check', file, setupCode)).json()) as RestorePlan;
}

/** @returns the usual duration of the restart in seconds */
export async function restoreBackup(file: File, setupCode: string): Promise<number> {
  const { seconds } = (await (await post('v3/restore', file, setupCode)).json()) as { readonly seconds: number };
  return seconds;
}

async function post(address: string, file: File, setupCode: string): Promise<Response> {
  const headers = {
    'Content-Type': 'application/octet-stream',
    // Headers are printable ASCII; a setup code has nothing else.
    ...(setupCode === '' ? {} : { 'Perch-Setup-Code': setupCode.replace(/[^\x21-\x7e]/g, '') }),
  };
  return okResponse(await send(address, { method: 'POST', headers, body: file }, MAX_WAIT_MS));
}
