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
  /** Placeholders stand for passwords; the box restores them when it checks or saves the text. */
  readonly passwordsHidden: boolean;
  readonly tag: string;
  readonly problems: readonly FileProblem[];
}

/** Unsaved text; it outlives the page. */
interface Draft {
  readonly text: string;
  /** The file that it is based on. */
  readonly base: ConfigFile;
}

export const draft = signal<Draft | undefined>(undefined);
effect(() => (draft.value ? confirmBeforeUnload() : undefined));

export const readFile = (): Promise<ConfigFile> => fetchJson<ConfigFile>('v3/config/file');

/** @param password of the user who is logged in */
export const readPasswords = (password: string): Promise<ConfigFile> =>
  fetchJson<ConfigFile>('v3/config/file/passwords', { method: 'POST', body: { password } });

export const checkText = (text: string, signal: AbortSignal): Promise<{ problems: readonly FileProblem[] }> =>
  fetchJson('v3/config/file/check', { method: 'POST', body: { text }, signal });

/** @throws PreconditionFailed if the file no longer has the tag; RequestError 400 if the box rejects the text */
export async function writeFile(text: string, tag: string): Promise<void> {
  const response = await send('v3/config/file', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', 'If-Match': `"${tag}"` },
    body: JSON.stringify({ text }),
  });
  await checkResponse(response);
}
