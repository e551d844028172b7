import { effect, signal } from '@preact/signals';
import { checkResponse } from '../api-client/config.ts';
import { fetchJson, send } from '../api-client/request.ts';
import { confirmBeforeUnload } from '../ui/browser/before-unload.ts';

export interface FileProblem {
  readonly severity: 'error' | 'warn' | 'note';
  readonly key: string;
  readonly message: string;
  readonly line: number | null;
  readonly column: number | null;
}

export interface ConfigFile {
  readonly name: string;
  readonly text: string;
  readonly tag: string;
  readonly problems: readonly FileProblem[];
}

/** What was typed and is not saved yet; it outlives the page about the file. */
interface Draft {
  readonly text: string;
  /** The file that it was made from. */
  readonly base: ConfigFile;
}

export const draft = signal<Draft | undefined>(undefined);
effect(() => (draft.value ? confirmBeforeUnload() : undefined));

export const readFile = (): Promise<ConfigFile> => fetchJson<ConfigFile>('v3/config/file');

export const checkText = (text: string, signal: AbortSignal): Promise<{ problems: readonly FileProblem[] }> =>
  fetchJson('v3/config/file/check', { method: 'POST', body: { text }, signal });

/** @throws PreconditionFailed when the file is another one than `tag` names; 400: the device does not take it */
export async function writeFile(text: string, tag: string): Promise<void> {
  const response = await send('v3/config/file', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', 'If-Match': `"${tag}"` },
    body: JSON.stringify({ text }),
  });
  await checkResponse(response);
}
