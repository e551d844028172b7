import type { FastifyPluginAsync } from 'fastify';
import Type from 'typebox';
import { operation } from '../api/schema/schemas.ts';

interface HealthLookup {
  /** `ok`, or one word for the fault; no names, because this needs no login. */
  status(): string;
  readonly isClaimed: boolean;
}

const Health = Type.Object({
  status: Type.String({ description: '`ok`, or one word for the fault.' }),
  claimed: Type.Boolean({ description: 'The box has an owner.' }),
});
const SCHEMA = operation('box', 'Health for supervisors; without a login', { 200: Health, 503: Health });

/** `GET /health`: 200 or 503 with one JSON line, without a login. */
export const healthRoute: FastifyPluginAsync<{ health: HealthLookup }> = async (app, { health }) => {
  app.get('/health', { schema: SCHEMA }, (_request, reply) => {
    const status = health.status();
    return reply
      .code(status === 'ok' ? 200 : 503)
      .header('Cache-Control', 'no-store')
      .send({ status, claimed: health.isClaimed });
  });
};
