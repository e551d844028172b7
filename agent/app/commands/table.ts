import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { becomeOwnerOf, holdDataFolder } from '../../../system/data-folder.ts';
import { systemClock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { ownCommand } from '../../base/own-command.ts';
import type { Command, CommandCall } from '../../features/contract.ts';

/** A retry may succeed (EX_TEMPFAIL of sysexits.h). */
const TEMPORARY_CODE = 75;

/** The commands that belong to no feature. Each loads its code when it runs. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'check',
    usage: ['FILE.yml', 'report problems in a configuration file'],
    words: ['FILE.yml'],
    run: async ({ words: [file = ''], env, keys, write }) => {
      needsFile(file);
      const { checkFile } = await import('../../config/load/check-files.ts');
      const { lines, isUsable } = await checkFile(resolve(file), env, await keys());
      write(`${lines.length > 0 ? lines.join('\n') : `${file}: no problems found`}\n`);
      return isUsable ? 0 : 1;
    },
  },
  {
    name: 'reindex',
    usage: ['[--data DIR] [FILE.yml]', 'read all recordings and rebuild their index'],
    takes: 'file',
    run: async (call) => {
      const { reindex } = await import('./reindex.ts');
      await reindex(call);
      return 0;
    },
  },
  {
    name: 'explain',
    usage: [
      'USER ACTION PATH [--ip IP] [--data DIR] [FILE.yml]',
      'explain whether a request is permitted: ACTION is read, publish, playback, api,',
      'metrics, pprof or admin (the page); USER - is anonymous, default IP 127.0.0.1',
    ],
    words: ['USER', 'ACTION'],
    takes: 'words',
    options: { ip: { type: 'string' } },
    run: async ({ words, text, dataDir, cwd, env, keys, write }) => {
      const { explainAccess } = await import('./explain-access.ts');
      const ip = text('ip') ?? '127.0.0.1';
      const { lines, allowed } = await explainAccess({ words, ip, dataDir, cwd, env, keys: await keys() });
      write(`${lines.join('\n')}\n`);
      return allowed === false ? 1 : 0;
    },
  },
  {
    name: 'claim',
    usage: [
      '[--link] [--data DIR]',
      "set the owner's password on a box without an owner; --link shows the link that",
      'does the same in a browser',
    ],
    takes: 'file',
    options: { link: { type: 'boolean' } },
    run: claim,
  },
  {
    name: 'reset-password',
    usage: [
      '[--data DIR]',
      "remove the owner's password and second factor, if one is lost: all users are",
      'logged out, and the box has no owner until it is claimed; viewers, links,',
      'cameras and recordings stay',
    ],
    takes: 'file',
    run: resetPassword,
  },
];

async function claim(call: CommandCall): Promise<number> {
  const { withDocuments } = await import('../features/documents.ts');
  becomeOwnerOf(call.dataDir);
  return withDocuments(call, () => claimIn(call));
}

async function claimIn({ dataDir, env, has, write }: CommandCall): Promise<number> {
  const { askNewPassword, claimHere, linkHere, needsNoOwner } = await import('./claim-command.ts');
  const own = ownCommand(env, dataDir);
  if (has('link')) {
    write(`${(await linkHere(dataDir, own, true)).join('\n')}\n`);
    return 0;
  }
  await needsNoOwner(dataDir, own);
  const password = await askNewPassword(process.stdin, (text) => process.stderr.write(text));
  try {
    await claimHere(dataDir, password, systemClock, own);
  } catch (error) {
    if (!(error instanceof PerchError && error.code === 'unavailable')) {
      throw error;
    }
    process.stderr.write(`Perch: ${explain(error)}\n`);
    return TEMPORARY_CODE;
  }
  write('Password set. Log in as owner\n');
  return 0;
}

async function resetPassword(call: CommandCall): Promise<number> {
  const { dataDir, env, write } = call;
  if (!existsSync(dataDir)) {
    throw new PerchError('notFound', `the data folder ${dataDir} does not exist: set it with --data DIR`);
  }
  const [{ forgetOwner }, { withDocuments }] = await Promise.all([
    import('../../auth/accounts/people.ts'),
    import('../features/documents.ts'),
  ]);
  becomeOwnerOf(dataDir);
  // A running Perch would not notice.
  const folder = holdDataFolder(dataDir);
  const isForgotten = await withDocuments(call, () => forgetOwner(dataDir)).finally(() => folder.release());
  const way = ownCommand(env, dataDir).of('claim');
  write(
    isForgotten
      ? `Password and second factor removed, all users logged out. Set a new password with ${way}\n`
      : `This box has no owner. Set a password with ${way}\n`,
  );
  return 0;
}

/** @throws PerchError notFound if the named configuration file does not exist */
export function needsFile(file: string | undefined): void {
  if (file !== undefined && !existsSync(file)) {
    throw new PerchError('notFound', `the configuration file ${file} does not exist`);
  }
}
