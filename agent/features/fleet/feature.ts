import { PerchError } from '../../base/errors.ts';
import { documentCarrier } from '../../base/files/document-carrier.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { loadLate } from '../../protocols/late.ts';
import type { Command, CommandCall, DocumentsOptions, Feature, FeatureProblem, Host } from '../contract.ts';
import { placeOf, readDatabaseURL } from './database/database-url.ts';
import { Fleet } from './fleet.ts';
import { FLEET } from './keys.ts';

const command: Command = {
  name: 'fleet',
  usage: [
    'create FOLDER tls://NATS [--authority PEM] [--hosts A:443,B:443] [--store DIR]',
    'make the keys of a fleet in FOLDER, and the configuration of its NATS servers',
    'publish FOLDER | revoke FOLDER ID',
    'tell its NATS servers of the fleet; revoke the credentials of a box or a server',
    'hosts FOLDER [A:443,B:443]',
    'show the servers that may have boxes connect, or replace them',
    'box FOLDER ID… | server FOLDER NAME',
    'issue credentials as files in FOLDER (-: ids of boxes from standard input)',
    'boxes [FILE [BOX…]] [--all] [--data DIR] [FILE.yml]',
    'show what boxes have of their fleet; write public keys',
    'of those that have not joined, of these BOXes, or of all',
    'box FOLDER --keys FILE BUNDLE',
    'sign the public keys that a server has collected',
    'hand-out BUNDLE [--data DIR] [FILE.yml]',
    'have the servers give each box its credential, now or when it connects',
    'join FILE [FILE.yml] [--data DIR]',
    'give this Perch its credential (-: read from standard input)',
    'adopt FILE [--database URL|FILE] [--nats URL]',
    '            [--replica HOST:PORT] [--data DIR] [FILE.yml]',
    'take a server with its people into the fleet; what is not named is as configured',
  ],
  words: ['create, publish, hosts, box, server, revoke, boxes, hand-out, join or adopt'],
  takes: 'words',
  options: {
    all: { type: 'boolean' },
    ...Object.fromEntries(
      ['authority', 'hosts', 'store', 'keys', 'database', 'nats', 'replica'].map((name) => [name, { type: 'string' }]),
    ),
  },
  run: async (call) => {
    const [word = '', place] = call.words;
    if (place === undefined && word !== 'boxes') {
      const missing = word === 'hand-out' ? 'BUNDLE' : 'FOLDER or FILE';
      throw new PerchError('badInput', `perch fleet ${word.slice(0, 64)} needs ${missing}: see perch --help`);
    }
    if (word === 'adopt') {
      const { adoptServer } = await import('./adopt.ts');
      return adoptServer(call);
    }
    if (word === 'boxes' || word === 'hand-out') {
      const { handOutCommand } = await import('./hand-out-command.ts');
      return handOutCommand(call);
    }
    if (word === 'join') {
      const { joinFleet } = await import('./join.ts');
      return joinFleet(call);
    }
    const { fleetCommand } = await import('./issue/fleet-command.ts');
    return fleetCommand(call);
  },
};

/** Servers that share their state, and the bus on which boxes publish their events and what is live. */
export const fleet: Feature = {
  name: 'fleet',
  keys: FLEET,
  commands: [
    {
      name: 'database',
      usage: [
        'import|export [--data DIR] [FILE.yml]',
        'copy people, sessions, links, layouts and pairings between the data folder and',
        'databaseURL; neither overwrites what is there',
      ],
      words: ['import|export'],
      takes: 'file',
      run: runTransfer,
    },
    command,
  ],
  documents: (options) => (settingsIn(options.config, FLEET).databaseURL === '' ? undefined : openDatabase(options)),
  documentsPlace: (config) => {
    const { databaseURL } = settingsIn(config, FLEET);
    return databaseURL === '' ? undefined : placeOf(readDatabaseURL(databaseURL));
  },
  open: (host) => new Fleet(host, databaseProblems(host)),
};

/** What is wrong with the database at present. */
function databaseProblems({ dataDir, config, clock }: Host): () => readonly FeatureProblem[] {
  const carrier = documentCarrier(dataDir);
  const { databaseURL: opened } = settingsIn(config(), FLEET);
  let sinceMs: number | undefined;
  return () => {
    const fault = carrier?.fault;
    sinceMs = fault === undefined ? undefined : (sinceMs ?? clock.wallMs());
    return [
      ...(sinceMs === undefined || fault === undefined
        ? []
        : [{ why: 'away', text: fault, since: new Date(sinceMs).toISOString() }]),
      ...(settingsIn(config(), FLEET).databaseURL === opened
        ? []
        : [{ why: 'restart', text: 'databaseURL has changed: restart Perch', since: null }]),
    ];
  };
}

async function runTransfer(call: CommandCall): Promise<number> {
  const { words, dataDir, cwd, env, file, write } = call;
  const { readConfig } = await import('../../config/store/read-config.ts');
  const { config } = await readConfig(file, { dataDir, cwd, env, keys: await call.keys() });
  const { databaseURL } = settingsIn(config, FLEET);
  const [direction = ''] = words;
  if (databaseURL === '') {
    throw new PerchError('badInput', 'the configuration has no databaseURL');
  }
  if (direction !== 'import' && direction !== 'export') {
    throw new PerchError('badInput', `perch database takes import or export, not '${direction.slice(0, 40)}'`);
  }
  const { importDocuments, exportDocuments } = await import('./database/transfer-command.ts');
  const folder = call.hold('stop Perch first, which may be changing these files');
  try {
    const transfer = { address: readDatabaseURL(databaseURL), dataDir, write };
    await (direction === 'import' ? importDocuments(transfer) : exportDocuments(transfer));
  } finally {
    folder.release();
  }
  return 0;
}

async function openDatabase({ config, clock, log, dataDir }: DocumentsOptions) {
  const address = readDatabaseURL(settingsIn(config, FLEET).databaseURL);
  const { openDocuments } = await loadLate('database', () => import('./database/open-documents.ts'));
  return openDocuments({ address, clock, log, dataDir });
}
