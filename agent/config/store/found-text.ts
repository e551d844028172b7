import { explain, PerchError } from '../../base/errors.ts';
import { readConfigFile } from '../file/file.ts';
import type { ParsedConfig } from '../load/load.ts';

/** The file's text, nothing when there is no file yet, or why it cannot be read. */
export interface FoundText {
  readonly text?: string;
  readonly fault?: string;
}

export async function findText(file: string | undefined): Promise<FoundText> {
  try {
    const text = file === undefined ? undefined : await readConfigFile(file);
    if (text?.trim() === '') {
      // An editor that is about to write, or an accident: nobody ends all cameras like this.
      return { fault: 'the configuration file is empty' };
    }
    return text === undefined ? (file === undefined ? {} : { fault: 'the configuration file is gone' }) : { text };
  } catch (error) {
    return faultOf(error);
  }
}

export function faultOf(error: unknown): FoundText {
  if (error instanceof PerchError) {
    return { fault: explain(error) };
  }
  throw error;
}

export const unreadable = (file: string, message: string): ParsedConfig => ({
  problems: [{ severity: 'error', file, key: '', message }],
});
