import type { FastifyPluginAsync } from 'fastify';
import { OkAnswer } from '../../messages/responses.ts';
import { answers } from './schemas.ts';

/** Where the keys of tokens are kept (`authMethod: jwt`). */
export interface TokenKeys {
  /** They are fetched anew for the next token. */
  refresh(): void;
}

const SCHEMA = {
  summary: 'Fetch the keys that tokens are signed with (authJWTJWKS) anew',
  tags: ['access'],
  response: answers(OkAnswer),
};

/** `POST /auth/jwks/refresh`, also by the name that some of MediaMTX's guides have: `/auth/jwt/jwks/refresh`. */
export const tokenKeyRoutes: FastifyPluginAsync<{ keys: TokenKeys }> = async (app, { keys }) => {
  for (const address of ['/auth/jwks/refresh', '/auth/jwt/jwks/refresh']) {
    app.post(address, { schema: SCHEMA }, () => {
      keys.refresh();
      return { status: 'ok' };
    });
  }
};
