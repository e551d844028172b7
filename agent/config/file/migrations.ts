import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../../base/log.ts';
import { readConfigFile, writeAtomic } from './file.ts';

/**
 * Brings the text of a configuration file into the next form: comments and all else stay. What is in that form already is given back
 * as it is: a new file may be, and nothing tells its form.
 */
export type Migration = (text: string) => string;

/** From form 1 on, one for each next form. */
const MIGRATIONS: readonly Migration[] = [];

/** Of texts that this program writes. */
export const presentForm = (migrations = MIGRATIONS): number => migrations.length + 1;

/** For a text whose form nothing tells: a copy, or a backup that was made long ago. */
export const inPresentForm = (text: string, migrations = MIGRATIONS): string =>
  migrations.reduce((before, turn) => turn(before), text);

interface Step {
  /** The form that it led to. */
  readonly to: number;
  /** SHA-256 of the text before, which is kept beside this, and of the text after it. */
  readonly before: string;
  readonly after: string;
}

/** What has been done to a file, oldest first. */
interface Done {
  readonly steps: readonly Step[];
}

export interface MigrationOptions {
  /** Absolute. */
  readonly file: string;
  readonly dataDir: string;
  readonly log: Logger;
  readonly migrations?: readonly Migration[];
}

/**
 * Before the configuration is read: a file of an older form is brought into that of this program, and one that a later version
 * has brought into another form, and nobody has changed since, becomes what it was. A power cut between any two writes leaves what
 * is done again at the next start.
 *
 * @returns the text; nothing when there is no file
 */
export async function migrateConfig({
  file,
  dataDir,
  log,
  migrations = MIGRATIONS,
}: MigrationOptions): Promise<string | undefined> {
  const record = join(dataDir, 'config-forms.json');
  const form = presentForm(migrations);
  let { steps } = readDone(await readConfigFile(record));
  let text = await readConfigFile(file);
  if (text === undefined) {
    return undefined;
  }
  for (let last = steps.at(-1); last && last.to > form; last = steps.at(-1)) {
    const before = await readConfigFile(keptAs(dataDir, last.to));
    const isUntouched = hashOf(text) === last.after || hashOf(text) === last.before;
    if (before === undefined || hashOf(before) !== last.before || !isUntouched) {
      log.warn(
        { form: last.to, own: form },
        'the configuration was changed after a later version had turned it: it stays',
      );
      return text;
    }
    await writeAtomic(file, before);
    text = before;
    steps = steps.slice(0, -1);
    await writeAtomic(record, write({ steps }));
    log.info({ form: last.to - 1 }, 'the configuration is again what it was before a later version turned it');
  }
  const last = steps.at(-1);
  if (last && hashOf(text) === last.before && last.before !== last.after) {
    // The power was cut before the file was written.
    steps = steps.slice(0, -1);
  }
  for (let to = (steps.at(-1)?.to ?? 1) + 1; to <= form; to += 1) {
    const after: string = migrations[to - 2]?.(text) ?? text;
    await writeAtomic(keptAs(dataDir, to), text);
    steps = [...steps, { to, before: hashOf(text), after: hashOf(after) }];
    await writeAtomic(record, write({ steps }));
    if (after !== text) {
      await writeAtomic(file, after);
      log.info({ form: to }, 'the configuration was turned into the form of this version');
    }
    text = after;
  }
  return text;
}

/** The text before the file had this form. */
const keptAs = (dataDir: string, to: number): string => join(dataDir, `config-before-form-${to}.yml`);
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const write = (done: Done): string => `${JSON.stringify(done, undefined, 2)}\n`;

/** None where the record is damaged: then every migration is tried, which leaves what is in its form. */
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
