import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { answers, operation } from '../../http/api/schema/schemas.ts';
import { noStore } from '../../http/messages/responses.ts';
import type { Feature } from '../contract.ts';
import { ZLM, zlmSettings } from './api/keys.ts';
import { isSecretFile, SECRET_FILE, ZlmApi } from './zlm.ts';

export const zlm: Feature = {
  name: 'zlm',
  keys: ZLM,
  backup: [{ name: SECRET_FILE, isWhole: (text) => isSecretFile(JSON.parse(text)) }],
  objector(config, action) {
    const key = action === 'read' ? 'zlmOnPlay' : 'zlmOnPublish';
    return zlmSettings(config)[key] === '' ? undefined : key;
  },
  open(host) {
    const api = new ZlmApi(host);
    return {
      routes: [{ listener: 'main', right: 'admin', mount: async (app) => zlmRoutes(app, api) }],
      begin: () => api.begin(),
      started: async () => api.started(),
      objection: (action, path, identity) => api.objection(action, path, identity),
      calls: (access) => api.on(access),
    };
  },
};

const Secret = Type.Object({ secret: Type.String({ description: 'zlmSecret, or the generated one.' }) });

/** The secret of ZLMediaKit's calls. */
function zlmRoutes(app: FastifyInstance, zlm: { readonly secret: string }): void {
  noStore(app);
  const schema = operation('box', "Secret of ZLMediaKit's calls, for the owner", answers(Secret));
  app.get('/v3/zlm', { schema }, () => ({ secret: zlm.secret }));
}
