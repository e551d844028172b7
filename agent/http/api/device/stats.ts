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
