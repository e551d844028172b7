import type { FastifyInstance } from 'fastify';
import Type from 'typebox';
import { answers, operation } from '../../http/api/schema/schemas.ts';
import { noStore } from '../../http/messages/responses.ts';

const Secret = Type.Object({ secret: Type.String({ description: 'zlmSecret, or the generated one.' }) });

/** The secret of ZLMediaKit's calls. */
export function zlmRoutes(app: FastifyInstance, zlm: { readonly secret: string }): void {
  noStore(app);
  const schema = operation('box', "Secret of ZLMediaKit's calls, for the owner", answers(Secret));
  app.get('/v3/zlm', { schema }, () => ({ secret: zlm.secret }));
}
