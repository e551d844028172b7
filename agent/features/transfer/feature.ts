import { loadLate } from '../../protocols/late.ts';
import type { Feature } from '../contract.ts';
import { transferRoutes } from './routes.ts';
import { FolderLook, ImportRequest, MoveRequest } from './run/requests.ts';
import { Transfers } from './transfers.ts';

export const transfer: Feature = {
  name: 'transfer',
  commands: [
    {
      name: 'import',
      usage: [
        'FOLDER --path NAME [--camera NAME] [--link | --move] [--data DIR] [FILE.yml]',
        'take recordings of MediaMTX, Frigate and others into those of a path, by the',
        "times in their names: --camera is Frigate's name, --link saves room where",
        'files are taken unchanged, --move deletes recordings once',
        'their copies have the same bytes, as for another disk',
      ],
      words: ['FOLDER'],
      takes: 'file',
      options: {
        path: { type: 'string' },
        camera: { type: 'string' },
        link: { type: 'boolean' },
        move: { type: 'boolean' },
      },
      run: async (call) => (await import('./import/import-command.ts')).importRecordings(call),
    },
  ],
  open(host) {
    const transfers = new Transfers(host);
    return {
      begin: () => transfers.begin(),
      component: transfers.component(),
      routes: [
        { listener: 'main', right: 'admin', mount: async (app) => transferRoutes(app, transfers, host.transfers()) },
      ],
      transfers: [
        {
          kind: 'move',
          request: MoveRequest,
          load: async () => {
            const { MoveSource } = await loadLate('moving of recordings', () => import('./move/move-source.ts'));
            return new MoveSource(host);
          },
        },
        {
          kind: 'import',
          request: ImportRequest,
          look: FolderLook,
          load: async () => {
            const { ImportSource } = await loadLate('import of recordings', () => import('./import/import-source.ts'));
            return new ImportSource(host);
          },
        },
      ],
    };
  },
};
