import Type from 'typebox';
import packageJson from '../../../package.json' with { type: 'json' };
import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { HostRequests } from '../../../system/host-requests.ts';
import { systemClock } from '../../base/clock.ts';
import type { Command, Feature } from '../contract.ts';
import { UPDATES } from './keys.ts';
import { updateRoutes } from './routes.ts';
import { Updates } from './updates.ts';

const command: Command = {
  name: 'update',
  usage: ['[--install] [--data DIR] [FILE.yml]', 'look for an update at updateAddress; --install installs it'],
  takes: 'file',
  options: { install: { type: 'boolean' } },
  run: async (call) => {
    const { updateHere } = await import('./update-command.ts');
    becomeOwnerOf(call.dataDir);
    await updateHere({
      ...call,
      version: packageJson.version,
      keys: await call.keys(),
      isInstall: call.has('install'),
      clock: systemClock,
      write: (line) => call.write(`${line}\n`),
    });
    return 0;
  },
};

/** @param keyFolder of keys for updates; default: that of the package */
export const updatesFeature = (keyFolder?: string): Feature => ({
  name: 'updates',
  keys: UPDATES,
  commands: [command],
  open({ hostAnswers: answers, ...host }) {
    const requests = new HostRequests({ ...host, ...(answers !== undefined && { answers }) });
    const updates = new Updates({ ...host, host: requests, ...(keyFolder !== undefined && { keyFolder }) });
    return {
      routes: [{ listener: 'main', right: 'admin', mount: (app) => updateRoutes(app, updates) }],
      release: (nameOf) => updates.release(nameOf),
      facts: {
        schema: { newest: Type.String({ description: 'The newest version of Perch that is known.' }) },
        read: async () => ({ newest: updates.newest }),
      },
    };
  },
});

export const updates = updatesFeature();
