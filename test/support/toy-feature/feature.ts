import { settingsIn } from '../../../agent/config/schema/feature-keys.ts';
import type { Feature } from '../../../agent/features/contract.ts';
import { TOY } from './keys.ts';
import { toyNameRoutes, toyRoutes } from './routes.ts';

/** A complete feature without a use, for tests and to copy. */
export const toy: Feature = {
  name: 'toy',
  keys: TOY,
  backup: [{ name: 'toy.json', isWhole: (text) => typeof JSON.parse(text).name === 'string' }],
  commands: [
    {
      name: 'toy',
      usage: ['NAME [--loud]', 'greet a toy'],
      words: ['NAME'],
      options: { loud: { type: 'boolean' } },
      run: async ({ words: [name], has, write }) => {
        write(`hello ${name}${has('loud') ? '!' : ''}\n`);
        return 0;
      },
    },
  ],
  open({ config, log }) {
    let isOpen = false;
    return {
      component: {
        name: 'toy',
        settings: (all) => (settingsIn(all, TOY).toy ? settingsIn(all, TOY).toyAddress : undefined),
        start: async (all) => {
          isOpen = true;
          log.info({ address: settingsIn(all, TOY).toyAddress }, 'toy opened');
          return () => {
            isOpen = false;
          };
        },
      },
      routes: [
        { listener: 'main', right: 'admin', mount: async (app) => toyRoutes(app, () => isOpen) },
        { listener: 'api', mount: async (app) => toyNameRoutes(app, () => [...config().paths.keys()]) },
      ],
      problems: () => (isOpen ? [{ why: 'open', text: 'the toy is open', since: null }] : []),
    };
  },
};
