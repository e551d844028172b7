import type { Command, Feature } from '../contract.ts';
import { Away } from './away.ts';
import { AWAY_FILE, readAway } from './keys/away-file.ts';

const connect: Command = {
  name: 'connect',
  usage: [
    'INVITATION [--cameras A,B] [--talk] [--turn] [--switch] [--settings] [--no-fleet]',
    '            [--data DIR] [FILE.yml]',
    'connect this box to the server of an invitation (-: read from standard input)',
  ],
  words: ['INVITATION'],
  takes: 'file',
  options: {
    cameras: { type: 'string' },
    talk: { type: 'boolean' },
    turn: { type: 'boolean' },
    switch: { type: 'boolean' },
    settings: { type: 'boolean' },
    'no-fleet': { type: 'boolean' },
  },
  run: async (call) => {
    const { connectCommand } = await import('./link/left-invitation.ts');
    return connectCommand(call);
  },
};

/** A box that connects to a server itself, because nothing from outside reaches it. */
export const away: Feature = {
  name: 'away',
  commands: [connect],
  backup: [{ name: AWAY_FILE, isWhole: (text) => readAway(JSON.parse(text)) !== undefined }],
  open: (host) => new Away(host),
};
