import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../../base/log.ts';
import type { ConfigText } from './config-text.ts';
import { copyOf, isReadOnly, readConfigFile, writeAtomic } from './file.ts';

/**
 * Brings the text of a configuration file into the next form; comments stay. A text that is already in that form is returned
 * unchanged: a file does not say which form it has.
 */
export type Migration = (text: string) => string;

/** The first one leads from form 1 to form 2. */
const MIGRATIONS: readonly Migration[] = [];

/** The form of texts that this program writes. */
export const presentForm = (migrations = MIGRATIONS): number => migrations.length + 1;

/** Brings a text of an unknown form, such as a copy or an old backup, into the present form. */
export const inPresentForm = (text: string, migrations = MIGRATIONS): string =>
  migrations.reduce((before, turn) => turn(before), text);

interface Step {
  /** The form that it led to. */
  readonly to: number;
  /** SHA-256 of the text before, which is kept in the same folder, and of the text after it. */
  readonly before: string;
  readonly after: string;
}

/** The migrations of a file, oldest first. */
interface Done {
  readonly steps: readonly Step[];
}

interface MigrationOptions {
  /** Absolute. */
  readonly file: string;
  readonly dataDir: string;
  readonly log: Logger;
  readonly texts: ConfigText;
  readonly migrations?: readonly Migration[];
}

/**
 * Called before the configuration is read. A file of an older form is migrated to this program's form. A file that a later version
 * has migrated, and that has not changed since, becomes what it was. After a power cut between two writes the next start repeats
 * the step, and so it does while the file cannot be written.
 *
 * @returns the text, which the file does not have if it cannot be written; undefined when there is no file
 */
export async function migrateConfig(options: MigrationOptions): Promise<string | undefined> {
  try {
    return await migrateFile(options);
  } catch (error) {
    if (!isReadOnly(error)) {
      throw error;
    }
    const { file, dataDir } = options;
    const text = await options.texts.read(file, copyOf(file, dataDir, 'journal'));
    return text === undefined ? undefined : inPresentForm(text, options.migrations);
  }
}

async function migrateFile({
  file,
  dataDir,
  log,
  texts,
  migrations = MIGRATIONS,
}: MigrationOptions): Promise<string | undefined> {
  const record = join(dataDir, 'config-forms.json');
  const journal = copyOf(file, dataDir, 'journal');
  const form = presentForm(migrations);
  let { steps } = readDone(await readConfigFile(record));
  let text = await texts.read(file, journal);
  if (text === undefined) {
    return undefined;
  }
  for (let last = steps.at(-1); last && last.to > form; last = steps.at(-1)) {
    const before = await texts.read(keptAs(dataDir, last.to));
    const isUntouched = hashOf(text) === last.after || hashOf(text) === last.before;
    if (before === undefined || hashOf(before) !== last.before || !isUntouched) {
      log.warn(
        { form: last.to, own: form },
        'the configuration has changed since a later version migrated it: not restored',
      );
      return text;
    }
    await texts.write(file, before, journal);
    text = before;
    steps = steps.slice(0, -1);
    await writeAtomic(record, write({ steps }));
    log.info({ form: last.to - 1 }, 'restored the configuration from before its migration by a later version');
  }
  const last = steps.at(-1);
  if (last && hashOf(text) === last.before && last.before !== last.after) {
    // A power cut came before the file was written.
    steps = steps.slice(0, -1);
  }
  for (let to = (steps.at(-1)?.to ?? 1) + 1; to <= form; to += 1) {
    const after: string = migrations[to - 2]?.(text) ?? text;
    await texts.write(keptAs(dataDir, to), text);
    steps = [...steps, { to, before: hashOf(text), after: hashOf(after) }];
    await writeAtomic(record, write({ steps }));
    if (after !== text) {
      await texts.write(file, after, journal);
      log.info({ form: to }, 'configuration migrated to the form of this version');
    }
    text = after;
  }
  return text;
}

/** The text before the file had this form. */
const keptAs = (dataDir: string, to: number): string => join(dataDir, `config-before-form-${to}.yml`);
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const write = (done: Done): string => `${JSON.stringify(done, undefined, 2)}\n`;

/** No steps if the record is damaged. Then every migration runs, and leaves a text unchanged that already has its form. */
function readDone(text: string | undefined): Done {
  try {
    const { steps } = JSON.parse(text ?? '') as { readonly steps: readonly Step[] };
    const areSteps = steps.every(
      ({ to, before, after }, i) => to === i + 2 && typeof before === 'string' && typeof after === 'string',
    );
    return { steps: areSteps ? steps : [] };
  } catch {
    return { steps: [] };
  }
}
