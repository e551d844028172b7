import type { FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { nameOf } from './names.ts';
import { paginate } from './paginate.ts';

/** Settings as they may be shown: MediaMTX's keys, durations as text, no passwords. */
export type ShownSettings = Readonly<Record<string, unknown>>;
export type ShownPath = ShownSettings & { readonly name: string };

export interface ConfigLookup {
  global(): ShownSettings;
  pathDefaults(): ShownSettings;
  /** Each path of the file with its defaults filled in. */
  paths(): readonly ShownPath[];
}

export const configRoutes: FastifyPluginAsync<{ config: ConfigLookup }> = async (app, { config }) => {
  app.get('/config/global/get', () => config.global());

  app.get('/config/pathdefaults/get', () => config.pathDefaults());

  app.get('/config/paths/list', ({ query }) => {
    const items = [...config.paths()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return paginate(items, query);
  });

  app.get('/config/paths/get/*', (request) => {
    const name = nameOf(request);
    const path = config.paths().find((candidate) => candidate.name === name);
    if (!path) {
      throw new PerchError('notFound', 'path configuration not found', { path: name });
    }
    return path;
  });
};
