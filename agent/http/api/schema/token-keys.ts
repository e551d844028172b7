import type { FastifyPluginAsync } from 'fastify';
import { OkAnswer } from '../../messages/responses.ts';
import { answers } from './schemas.ts';

/** Cached keys of tokens (`authMethod: jwt`). */
export interface TokenKeys {
  /** The next token fetches them. */
  refresh(): void;
}

const SCHEMA = {
  summary: 'Fetch the keys of tokens (authJWTJWKS) again',
  tags: ['access'],
  response: answers(OkAnswer),
};

/** `POST /auth/jwks/refresh`, and `/auth/jwt/jwks/refresh` as in some guides of MediaMTX. */
export const tokenKeyRoutes: FastifyPluginAsync<{ keys: TokenKeys }> = async (app, { keys }) => {
  for (const address of ['/auth/jwks/refresh', '/auth/jwt/jwks/refresh']) {
    app.post(address, { schema: SCHEMA }, () => {
      keys.refresh();
      return { status: 'ok' };
    });
  }
};
