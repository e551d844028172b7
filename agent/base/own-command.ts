import { resolve } from 'node:path';

/** Folder of `--data` without that option, in the folder where Perch was started. */
export const DEFAULT_DATA = 'perch-data';

type Variables = Readonly<Record<string, string | undefined>>;

/** How a person runs commands of this installation. */
export interface OwnCommand {
  /** Such as `npm run perch -- claim --data /srv/perch`. @param name one or more words */
  of(name: string): string;
  /** The same for pages that need no login, without the name of the folder. */
  shown(name: string): string;
}

/**
 * Each starter names the installation's command in `PERCH_COMMAND`: `npm run perch --`, `sudo perch`, `docker exec -it ID perch`. Without one
 * it is Perch's script itself. The wrappers of the packages know the data folder; a command that ends with `--`, and the script, do not.
 */
export function ownCommand(env: Variables, dataDir: string, argv: readonly string[] = process.argv): OwnCommand {
  const { PERCH_COMMAND: named = '' } = env;
  const command = named || argv.slice(0, 2).map(quoted).join(' ');
  const isOther = (named === '' || named.endsWith(' --')) && resolve(dataDir) !== resolve(DEFAULT_DATA);
  return {
    of: (name) => `${command} ${name}${isOther ? ` --data ${quoted(resolve(dataDir))}` : ''}`,
    shown: (name) => `${named || 'perch'} ${name}${isOther ? ' --data DIR' : ''}`,
  };
}

/** For a POSIX shell. */
const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
