import { linkOf } from '../../cameras/onvif/onvif-link.ts';
import { isSubStream } from '../../cameras/path-entries.ts';
import type { Config } from '../../config/load/load.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Feature } from '../contract.ts';
import { transferRoutes } from './routes.ts';
import {
  FolderLook,
  ImportRequest,
  MoveRequest,
  RecorderLook,
  RecorderRequest,
  type RecorderTargets,
} from './run/requests.ts';
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
        'their copies have the same bytes, as for another disk;',
        'onvif://USER@HOST instead of FOLDER: of an ONVIF recorder, with its password',
        'in PERCH_RECORDER_PASSWORD; without --path it lists the channels; --camera',
        'is the name of one, --since and --until limit the period, --rate the bytes',
        'a second',
      ],
      words: ['FOLDER'],
      takes: 'file',
      options: {
        path: { type: 'string' },
        camera: { type: 'string' },
        link: { type: 'boolean' },
        move: { type: 'boolean' },
        since: { type: 'string' },
        until: { type: 'string' },
        rate: { type: 'string' },
      },
      run: async (call) =>
        /^onvif:/i.test(call.words[0] ?? '')
          ? (await import('./recorder/recorder-command.ts')).importFromRecorder(call)
          : (await import('./import/import-command.ts')).importRecordings(call),
    },
  ],
  open(host) {
    const transfers = new Transfers(host);
    return {
      begin: () => transfers.begin(),
      component: transfers.component(),
      routes: [
        {
          listener: 'main',
          right: 'admin',
          mount: async (app) => transferRoutes(app, transfers, host.transfers(), () => recordersOf(host.config())),
        },
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
        {
          kind: 'recorder',
          request: RecorderRequest,
          look: RecorderLook,
          load: async () => {
            const part = 'import from recorders';
            const { RecorderSource } = await loadLate(part, () => import('./recorder/recorder-source.ts'));
            return new RecorderSource(host);
          },
        },
      ],
    };
  },
};

/** Cameras with ONVIF that are on. */
const recordersOf = (config: Config): RecorderTargets => ({
  items: [...config.paths].flatMap(([path, { settings }]) =>
    settings && linkOf(settings) && !isSubStream(path, config) ? [{ path }] : [],
  ),
});
