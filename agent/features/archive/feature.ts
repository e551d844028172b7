import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { SecretKey } from '../../auth/accounts/secret-key.ts';
import { parseJson } from '../../backup/staged.ts';
import type { Feature } from '../contract.ts';
import { Archive } from './archive.ts';
import { ARCHIVE_KEY_FILE, archiveKeysHere, readArchiveKeys, restoredKeys } from './archive-keys.ts';
import { ARCHIVE_FILE, readArchiveState } from './copies/archive-state.ts';
import { ARCHIVE } from './keys.ts';
import { archiveRoutes } from './routes.ts';

export const archive: Feature = {
  name: 'archive',
  keys: ARCHIVE,
  backup: [
    // The id that the archive knows this box's recordings by.
    { name: ARCHIVE_FILE, isWhole: (text) => readArchiveState(JSON.parse(text)) !== undefined },
    {
      name: ARCHIVE_KEY_FILE,
      isWhole: (text) => readArchiveKeys(JSON.parse(text)) !== undefined,
      // This box keeps the keys of its archive, sealed with the restored key.
      restored: ({ backup = '', now = '', backupSecret = '', secret = '' }) => {
        const keys = restoredKeys(
          [readArchiveKeys(parseJson(backup)), readArchiveKeys(parseJson(now))],
          [SecretKey.of(parseJson(backupSecret)), SecretKey.of(parseJson(secret))],
        );
        return keys && `${JSON.stringify(keys, undefined, 2)}\n`;
      },
    },
  ],
  commands: [
    {
      name: 'restore-archive',
      usage: ['[--box ID] [--data DIR] [FILE.yml]', 'learn what the archive has of a lost box: ID is its folder there'],
      takes: 'file',
      options: { box: { type: 'string' } },
      run: async (call) => (await import('./restore-archive.ts')).restoreArchive(call),
    },
    {
      name: 'archive-key',
      usage: ['[--data DIR]', 'show the key that the archive is encrypted with, and earlier ones'],
      takes: 'file',
      run: async ({ dataDir, write }) => {
        becomeOwnerOf(dataDir);
        write(`${(await archiveKeysHere(dataDir)).join('\n')}\n`);
        return 0;
      },
    },
  ],
  open(host) {
    const opened = new Archive(host);
    return {
      component: opened.component(),
      copies: opened,
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => archiveRoutes(app, opened) }],
      problems: () => {
        const { error, why, since } = opened.status;
        return error === null ? [] : [{ why, text: error, since }];
      },
      metrics: () => opened.metrics(),
    };
  },
};
