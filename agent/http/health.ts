import type { FastifyPluginAsync } from 'fastify';

export interface HealthLookup {
  /** `ok`, or one word for what is wrong; no names, because everybody may ask. */
  status(): string;
}

/** `GET /health` for supervisors: 200 or 503 with one JSON line, without a log-in. */
export const healthRoute: FastifyPluginAsync<{ health: HealthLookup }> = async (app, { health }) => {
  app.get('/health', (_request, reply) => {
    const status = health.status();
    return reply
      .code(status === 'ok' ? 200 : 503)
      .header('Cache-Control', 'no-store')
      .send({ status });
  });
};
