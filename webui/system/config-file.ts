import { effect, signal } from '@preact/signals';
import { accepted } from '../api-client/config.ts';
import { askBeforeUnload } from '../ui/browser/before-unload.ts';
import { ask, BoxError, UI_HEADER } from '../api-client/request.ts';

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
export interface Draft {
  readonly text: string;
  /** The file that it was made from. */
  readonly base: ConfigFile;
}

export const draft = signal<Draft | undefined>(undefined);
effect(() => (draft.value ? askBeforeUnload() : undefined));

export const readFile = (): Promise<ConfigFile> => ask<ConfigFile>('v3/config/file');

export const checkText = (text: string, signal: AbortSignal): Promise<{ problems: readonly FileProblem[] }> =>
  ask('v3/config/file/check', { method: 'POST', body: { text }, signal });

const ANSWER_LIMIT_MS = 15_000;

/** @throws ChangedMeanwhile when the file is another one than `tag` names; 400: the box does not take it */
export async function writeFile(text: string, tag: string): Promise<void> {
  const response = await fetch('v3/config/file', {
    method: 'PUT',
    headers: { ...UI_HEADER, 'Content-Type': 'application/json', 'If-Match': `"${tag}"` },
    body: JSON.stringify({ text }),
    cache: 'no-store',
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  }).catch(() => {
    throw new BoxError(0, 'the box does not answer');
  });
  await accepted(response);
}
