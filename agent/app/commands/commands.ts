import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import packageJson from '../../../package.json' with { type: 'json' };
import { explain, PerchError } from '../../base/errors.ts';
import { DEFAULT_DATA, ownCommand } from '../../base/own-command.ts';
import type { ConfigKeys } from '../../config/schema/config-keys.ts';
import { needsFile, USAGE } from './command-line.ts';
import type { ReindexOptions } from './reindex.ts';

/** A retry may succeed (EX_TEMPFAIL of sysexits.h). */
const TEMPORARY_CODE = 75;

export async function explainRequest(
  words: readonly string[],
  ip: string,
  data: string,
  keys: ConfigKeys,
): Promise<number> {
  const { explainAccess } = await import('./explain-access.ts');
  const cwd = process.cwd();
  const { lines, allowed } = await explainAccess({ words, ip, dataDir: resolve(data), cwd, env: process.env, keys });
  console.log(lines.join('\n'));
  return allowed === false ? 1 : 0;
}

export async function makeIndex(data: string, file: string | undefined, keys: ConfigKeys): Promise<number> {
  needsFile(file);
  const { reindex } = await import('./reindex.ts');
  await reindex(commandOptions(data, file, keys));
  return 0;
}

export async function restoreArchive(
  data: string,
  file: string | undefined,
  box: string | undefined,
  keys: ConfigKeys,
): Promise<number> {
  needsFile(file);
  const { restoreArchive: restore } = await import('./restore-archive.ts');
  return restore({ ...commandOptions(data, file, keys), box });
}

interface ImportValues {
  readonly path?: string;
  readonly camera?: string;
  readonly link?: boolean;
  readonly move?: boolean;
  readonly data?: string;
}

export async function importFolder(words: readonly string[], values: ImportValues, keys: ConfigKeys): Promise<number> {
  const [folder, file, ...more] = words;
  const { path, camera, link: isLinked = false, move: isMoved = false, data = DEFAULT_DATA } = values;
  if (folder === undefined || path === undefined || more.length > 0 || (isLinked && isMoved)) {
    throw new PerchError(
      'badInput',
      `perch import needs FOLDER and --path NAME, and takes one of --link and --move\n${USAGE}`,
    );
  }
  needsFile(file);
  const [{ importRecordings }, { becomeOwnerOf }] = await Promise.all([
    import('./import-command.ts'),
    import('../../../system/data-folder.ts'),
  ]);
  becomeOwnerOf(resolve(data));
  const options = { ...commandOptions(data, file, keys), folder, path, camera, isLinked, isMoved };
  const isGood = await importRecordings(options);
  return isGood ? 0 : 1;
}

function commandOptions(data: string, file: string | undefined, keys: ConfigKeys): ReindexOptions {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  return {
    data,
    ...(file === undefined ? {} : { file }),
    cwd: process.cwd(),
    env: process.env,
    keys,
    signal: stop.signal,
    write: (text) => process.stdout.write(text),
    isTerminal: process.stdout.isTTY === true,
  };
}

export async function check(file: string | undefined, keys: ConfigKeys): Promise<number> {
  if (file === undefined) {
    throw new PerchError('badInput', `FILE.yml is missing\n${USAGE}`);
  }
  const { checkFile } = await import('../../config/load/check-files.ts');
  const { lines, isUsable } = await checkFile(resolve(file), process.env, keys);
  console.log(lines.length > 0 ? lines.join('\n') : `${file}: no problems found`);
  return isUsable ? 0 : 1;
}

interface VerifyValues {
  readonly key?: string;
  readonly signatures?: string;
}

export async function verify(words: readonly string[], { key, signatures }: VerifyValues): Promise<number> {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0) {
    throw new PerchError('badInput', `perch verify needs one FILE\n${USAGE}`);
  }
  const { verifyFile } = await import('../signing/verify-command.ts');
  const { code, lines } = await verifyFile({ file, key, signatures });
  console.log(lines.join('\n'));
  return code;
}

export async function update(
  data: string,
  file: string | undefined,
  isInstall: boolean,
  keys: ConfigKeys,
): Promise<number> {
  needsFile(file);
  const [{ becomeOwnerOf }, { updateHere }, { systemClock }] = await Promise.all([
    import('../../../system/data-folder.ts'),
    import('./update-command.ts'),
    import('../../base/clock.ts'),
  ]);
  const dataDir = resolve(data);
  becomeOwnerOf(dataDir);
  await updateHere({
    version: packageJson.version,
    dataDir,
    file,
    isInstall,
    clock: systemClock,
    cwd: process.cwd(),
    env: process.env,
    keys,
    write: console.log,
  });
  return 0;
}

export async function claim(data: string, isLink: boolean): Promise<number> {
  const [{ becomeOwnerOf }, { claimHere, linkHere, needsNoOwner }, { askNewPassword }, { systemClock }] =
    await Promise.all([
      import('../../../system/data-folder.ts'),
      import('./claim-command.ts'),
      import('./ask-password.ts'),
      import('../../base/clock.ts'),
    ]);
  const folder = resolve(data);
  becomeOwnerOf(folder);
  const own = ownCommand(process.env, folder);
  if (isLink) {
    console.log((await linkHere(folder, own, true)).join('\n'));
    return 0;
  }
  await needsNoOwner(folder, own);
  const password = await askNewPassword(process.stdin, (text) => process.stderr.write(text));
  try {
    await claimHere(folder, password, systemClock, own);
  } catch (error) {
    if (!(error instanceof PerchError && error.code === 'unavailable')) {
      throw error;
    }
    console.error(`Perch: ${explain(error)}`);
    return TEMPORARY_CODE;
  }
  console.log('Password set. Log in as owner');
  return 0;
}

export async function resetPassword(data: string): Promise<number> {
  if (!existsSync(data)) {
    throw new PerchError('notFound', `the data folder ${resolve(data)} does not exist: set it with --data DIR`);
  }
  const [{ becomeOwnerOf, holdDataFolder }, { forgetOwner }] = await Promise.all([
    import('../../../system/data-folder.ts'),
    import('../../auth/accounts/people.ts'),
  ]);
  becomeOwnerOf(resolve(data));
  // A running Perch would not notice.
  const folder = holdDataFolder(data);
  const isForgotten = await forgetOwner(folder.path).finally(() => folder.release());
  const claim = ownCommand(process.env, folder.path).of('claim');
  console.log(
    isForgotten
      ? `Password and second factor removed, all users logged out. Set a new password with ${claim}`
      : `This box has no owner. Set a password with ${claim}`,
  );
  return 0;
}

export async function showArchiveKeys(data: string): Promise<number> {
  const [{ becomeOwnerOf }, { archiveKeysHere }] = await Promise.all([
    import('../../../system/data-folder.ts'),
    import('../archive/archive-keys.ts'),
  ]);
  const folder = resolve(data);
  becomeOwnerOf(folder);
  console.log((await archiveKeysHere(folder)).join('\n'));
  return 0;
}

export async function showSigningKey(data: string): Promise<number> {
  const [{ becomeOwnerOf }, { signingKeyHere }] = await Promise.all([
    import('../../../system/data-folder.ts'),
    import('../../record/signing/signing-key.ts'),
  ]);
  const folder = resolve(data);
  becomeOwnerOf(folder);
  console.log((await signingKeyHere(folder)).join('\n'));
  return 0;
}
