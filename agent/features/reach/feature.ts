import type { Feature } from '../contract.ts';
import { REACH } from './keys.ts';
import { Reach } from './reach.ts';
import { reachRoutes } from './routes.ts';

/** Away from home: whether the internet reaches this box, and ports that its router forwards. */
export const reach: Feature = {
  name: 'reach',
  keys: REACH,
  open(host) {
    const open = new Reach(host);
    return {
      component: open.component(),
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => reachRoutes(app, open) }],
      problems: () => open.problems(),
    };
  },
};
