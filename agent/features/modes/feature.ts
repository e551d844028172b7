import type { Feature } from '../contract.ts';
import { inMode } from './effect.ts';
import { MODE_KEYS } from './keys.ts';
import { Modes } from './modes.ts';
import { modeRoutes } from './routes.ts';

export const modes: Feature = {
  name: 'modes',
  keys: MODE_KEYS,
  open(host) {
    const own = new Modes(host);
    return {
      routes: [{ listener: 'api', mount: async (app) => modeRoutes(app, own) }],
      problems: () => own.problems(),
      begin: () => own.begin(),
      configure: () => own.configure(),
      mode: () => own.current,
      inForce: (config) => inMode(config, own.current),
      close: () => own.close(),
    };
  },
};
