import type { FastifyRequest } from 'fastify';
import type { Feature } from '../contract.ts';
import { RULES } from './keys.ts';
import { LatePositions } from './late-positions.ts';
import { ruleRoutes } from './routes.ts';
import { Rules } from './rules.ts';

export const rules: Feature = {
  name: 'rules',
  keys: RULES,
  open(host) {
    const positions = new LatePositions(host);
    const own = new Rules(host, positions);
    return {
      routes: [
        {
          listener: 'api',
          mount: async (app, access) => {
            const askerOf = (request: FastifyRequest) => {
              const { sessionUser, user } = access.identify(request);
              return { user: sessionUser ?? user ?? '', isPerson: sessionUser !== undefined };
            };
            ruleRoutes(app, own, askerOf);
          },
        },
      ],
      problems: () => [...own.problems(), ...positions.problems()],
      metrics: () => own.metrics(),
      actions: () => own.actions(),
      begin: () => own.begin(),
      configure: () => own.configure(),
      inForce: (config) => own.inForce(config),
      applied: () => positions.applied(),
      leaving: (path) => own.leaving(path),
      streamOpened: () => positions.streamOpened(),
      isTurning: (path) => positions.isTurning(path),
      close: async () => {
        await own.close();
        await positions.close();
      },
    };
  },
};
