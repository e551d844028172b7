import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { explain, PerchError } from '../../base/errors.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

/** In the data folder. */
const LAST_START_FILE = 'last-start.json';

/** How Perch was last started with a data folder: its commands read the same configuration, and keep documents in the same place. */
const LastStart = Type.Object({
  /** The configuration, absolute; absent: there was none. */
  file: Type.Optional(Type.String({ maxLength: 4_096 })),
  /** Where documents are kept, in words; absent: in files of the data folder. */
  documents: Type.Optional(Type.String({ maxLength: 1_000 })),
});
type LastStart = Static<typeof LastStart>;
type NewStart = { readonly [Key in keyof LastStart]: LastStart[Key] | undefined };

const lastStartIn = (dataDir: string, log?: Logger) =>
  new StoredDocument(join(dataDir, LAST_START_FILE), LastStart, log);

/**
 * @param named the configuration that a command was given: with one, a file that cannot be read counts as none
 * @returns undefined: Perch was not started with this folder yet
 * @throws PerchError
 */
export async function readLastStart(dataDir: string, named?: string): Promise<LastStart | undefined> {
  try {
    return await lastStartIn(dataDir).load();
  } catch (cause) {
    if (named !== undefined) {
      return undefined;
    }
    throw new PerchError('badInput', `${explain(cause)}: start Perch once, or name its FILE.yml`, {}, cause);
  }
}

/**
 * Notes a start whose documents are opened, or would be if their place were not away. Where that place is rejected they stay where they were.
 * @throws what `open` does
 */
export async function notingStart<T>(
  dataDir: string,
  start: NewStart,
  log: Logger,
  open: () => Promise<T>,
): Promise<T> {
  try {
    const opened = await open();
    await noteStart(dataDir, start, log);
    return opened;
  } catch (error) {
    if (!(error instanceof PerchError && error.code === 'badInput')) {
      await noteStart(dataDir, start, log);
    }
    throw error;
  }
}

async function noteStart(dataDir: string, { file, documents }: NewStart, log: Logger): Promise<void> {
  const document = lastStartIn(dataDir, log);
  const former = await document.load().catch((error: unknown) => {
    log.warn({ cause: explain(error) }, 'the last start cannot be read');
    return undefined;
  });
  if (!former || former.file !== file || former.documents !== documents) {
    const start = { ...(file !== undefined && { file }), ...(documents !== undefined && { documents }) };
    await document.trySave(() => start, 'saving how Perch was started failed: name FILE.yml with its commands');
  }
}
