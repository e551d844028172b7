import { effect, signal } from '@preact/signals';
import type { FileText } from '../api-client/api-types.ts';
import { checkResponse } from '../api-client/config.ts';
import { type Change, fetchJson, send } from '../api-client/request.ts';
import { confirmBeforeUnload } from '../ui/browser/before-unload.ts';

export type FileProblem = FileText['problems'][number];

/** Unsaved text; it outlives the page. */
interface Draft {
  readonly text: string;
  /** The file that it is based on. */
  readonly base: FileText;
}

export const draft = signal<Draft | undefined>(undefined);
effect(() => (draft.value ? confirmBeforeUnload() : undefined));

export const readFile = (): Promise<FileText> => fetchJson<FileText>('v3/config/file');

/** @param password of the user who is logged in */
export const readPasswords = (password: string): Promise<FileText> =>
  fetchJson<FileText>('v3/config/file/passwords', { method: 'POST', body: { password } });

export const checkText = (text: string, signal: AbortSignal): Promise<{ problems: readonly FileProblem[] }> =>
  fetchJson('v3/config/file/check', { method: 'POST', body: { text }, signal });

/** @throws PreconditionFailed if the file no longer has the tag; RequestError 400 if the box rejects the text */
export async function writeFile(text: string, tag: string, change: Change): Promise<void> {
  const response = await send(
    'v3/config/file',
    {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json', 'If-Match': `"${tag}"` },
      body: JSON.stringify({ text }),
    },
    undefined,
    change,
  );
  await checkResponse(response);
}
