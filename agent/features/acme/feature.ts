import type { Command, Feature } from '../contract.ts';
import { Acme } from './acme.ts';
import { ACME_FILE, readStored } from './acme-file.ts';
import { ACME } from './keys.ts';
import { acmeRoutes, challengeRoutes } from './routes.ts';

const server: Command = {
  name: 'server',
  usage: [
    '[NAME] [--data DIR] [FILE.yml]',
    'make this Perch a server on the internet for the cameras of boxes;',
    'NAME is its host name, for a certificate; none: behind a reverse proxy',
  ],
  takes: 'words',
  options: { server: { type: 'boolean' } },
  run: async (call) => (await import('./server-command.ts')).serverCommand(call),
};

export const acme: Feature = {
  name: 'acme',
  commands: [server],
  keys: ACME,
  backup: [{ name: ACME_FILE, isWhole: (text) => readStored(JSON.parse(text)) !== undefined }],
  open(host) {
    const opened = new Acme(host);
    return {
      component: opened.component(),
      inForce: (config) => opened.inForce(config),
      routes: [
        { listener: 'main', right: 'admin', mount: async (app) => acmeRoutes(app, opened) },
        { listener: 'main', mount: async (app) => challengeRoutes(app, opened.challenges) },
      ],
      problems: () => opened.problems(),
      metrics: () => opened.metrics(),
    };
  },
};
