import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../base/errors.ts';
import { syncFolder } from '../base/files/durable-file.ts';
import { parseJson } from '../base/files/parse-json.ts';
import type { Logger } from '../base/log.ts';
import { copyOf, type PreparedWrite, prepareWrite, writeAtomic } from '../config/file/file.ts';
import { interruptedText } from '../config/file/in-place.ts';

export { parseJson };

const Write = Type.Object({
  /** File name, absolute or relative to the data folder. */
  file: Type.String(),
  /** Content; null: the file is deleted. */
  text: Type.Union([Type.String(), Type.Null()]),
});
const Staged = Type.Object({ version: Type.Literal(1), writes: Type.Array(Write) });
export type Write = Static<typeof Write>;

/** The staged restore: one file, so it is complete or absent. */
const stagedIn = (dataDir: string): string => join(dataDir, 'restore.json');
/** Marks that the first file is being replaced: from then on the restore is completed, not dropped. */
const begunIn = (dataDir: string): string => join(dataDir, 'restore.begun');

/** Stages writes for the next start, before anything reads the files; the one that may fail comes first. */
export async function stageRestore(dataDir: string, writes: readonly Write[]): Promise<void> {
  await rm(begunIn(dataDir), { force: true });
  await writeAtomic(stagedIn(dataDir), JSON.stringify({ version: 1, writes }));
}

/**
 * Applies a staged restore, completely or not at all: an interrupted start is completed by the next one.
 *
 * @param revise computes the final writes at each start; must return the same for files that are written already
 * @returns whether there was something to restore
 * @throws PerchError unavailable if it is partly applied and cannot be completed: then nothing may start
 */
export async function finishRestore(
  dataDir: string,
  log: Logger,
  revise: (writes: readonly Write[]) => Promise<readonly Write[]>,
): Promise<boolean> {
  const file = stagedIn(dataDir);
  const staged = await readStaged(file, log);
  if (!staged) {
    await rm(begunIn(dataDir), { force: true });
    return false;
  }
  const isBegun = existsSync(begunIn(dataDir));
  let writes: readonly Write[];
  let prepared: readonly PreparedWrite[];
  try {
    writes = await revise(staged);
    prepared = await prepareAll(dataDir, writes);
  } catch (cause) {
    if (isBegun) {
      throw new PerchError('unavailable', 'cannot finish the restore that has begun', { file }, cause);
    }
    return giveUp(dataDir, log, cause);
  }
  await writeAtomic(begunIn(dataDir), '');
  const [first, ...others] = prepared;
  const former = await textAt(dataDir, writes[0]);
  try {
    await first?.commit();
  } catch (cause) {
    if (isBegun || (await textAt(dataDir, writes[0])) !== former) {
      throw new PerchError('unavailable', 'cannot finish the restore that has begun', { file }, cause);
    }
    await Promise.all(others.map((one) => one.drop()));
    return giveUp(dataDir, log, cause);
  }
  for (const one of others) {
    await one.commit();
  }
  await forget(dataDir);
  log.warn({ files: prepared.length }, 'restored from a backup');
  return true;
}

/** A failed commit may have replaced the file, and only failed to sync. One that was interrupted counts as undone: see `overwrite`. */
async function textAt(dataDir: string, write: Write | undefined): Promise<string | undefined> {
  const file = write && resolve(dataDir, write.file);
  const now = file === undefined ? undefined : await readWhole(file);
  const former =
    file === undefined || now === undefined ? undefined : interruptedText(file, copyOf(file, dataDir, 'journal'));
  return (await former)?.toString() ?? now;
}

async function giveUp(dataDir: string, log: Logger, cause: unknown): Promise<false> {
  log.error({ cause: explain(cause) }, 'restore failed, nothing was changed');
  await forget(dataDir);
  return false;
}

/** Removes the staged restore and syncs that: after a power cut it must not be applied again over later changes. */
async function forget(dataDir: string): Promise<void> {
  await rm(stagedIn(dataDir), { force: true });
  await syncFolder(dataDir);
  await rm(begunIn(dataDir), { force: true });
}

async function readStaged(file: string, log: Logger): Promise<readonly Write[] | undefined> {
  const text = await readWhole(file);
  if (text === undefined) {
    return undefined;
  }
  const staged = parseJson(text);
  if (!Check(Staged, staged)) {
    log.error({ file }, 'staged restore is damaged, nothing was changed');
    await rm(file, { force: true });
    return undefined;
  }
  return staged.writes;
}

async function prepareAll(dataDir: string, writes: readonly Write[]): Promise<readonly PreparedWrite[]> {
  const prepared: PreparedWrite[] = [];
  try {
    for (const { file, text } of writes) {
      const target = resolve(dataDir, file);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      prepared.push(
        text === null ? removal(target) : await prepareWrite(target, text, copyOf(target, dataDir, 'journal')),
      );
    }
  } catch (error) {
    await Promise.all(prepared.map((one) => one.drop()));
    throw error;
  }
  return prepared;
}

const removal = (file: string): PreparedWrite => ({
  commit: () => rm(file, { force: true }),
  drop: async () => {},
});

/** The file's text; undefined if it does not exist. */
export async function readWhole(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw new PerchError('unavailable', `cannot read ${file}`, { file }, cause);
  }
}
