import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, operation, TimeText } from '../schema/schemas.ts';

const Stats = Type.Object({
  version: Type.String(),
  started: TimeText,
  uptimeSeconds: Type.Number(),
  cpuPercent: Type.Number({ description: 'All processes on this box, of all processors together.' }),
  processCpuPercent: Type.Number({
    description: 'CPU use of Perch alone, in percent of one processor, over the last 10 to 20 seconds.',
  }),
  memoryUsedBytes: Type.Integer(),
  memoryTotalBytes: Type.Integer(),
  processMemoryBytes: Type.Integer({ description: 'Resident set size of Perch.' }),
  heapUsedBytes: Type.Integer(),
  eventLoopDelayMs: Type.Object(
    { mean: Type.Number(), p99: Type.Number(), max: Type.Number() },
    { description: 'Delay of the event loop over the last 10 to 20 seconds.' },
  ),
  paths: Type.Integer(),
  activeStreams: Type.Integer(),
  publishers: Type.Integer(),
  readers: Type.Integer(),
  recordings: Type.Integer({ description: 'Paths being recorded.' }),
  inboundBitrate: Type.Number({ description: 'Bits per second received, all paths together.' }),
});
export type Stats = Static<typeof Stats>;

export interface StatsLookup {
  stats(): Promise<Stats>;
}

/** `GET /stats`: load, memory and counts of this box. */
export const statsRoutes: FastifyPluginAsync<{ stats: StatsLookup }> = async (app, { stats }) => {
  const schema = operation('box', 'Load, memory and counts of this box', answers(Stats));
  app.get('/stats', { schema }, () => stats.stats());
};

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
