import type { FastifyPluginAsync } from 'fastify';
import Type, { type Static } from 'typebox';
import { answers, TimeText } from '../schema/schemas.ts';

const Stats = Type.Object({
  version: Type.String(),
  started: TimeText,
  uptimeSeconds: Type.Number(),
  cpuPercent: Type.Number({ description: 'Of all processors together, everything that runs on the machine.' }),
  processCpuPercent: Type.Number({ description: 'Of one processor, Perch alone, over the last 10 to 20 seconds.' }),
  memoryUsedBytes: Type.Integer(),
  memoryTotalBytes: Type.Integer(),
  processMemoryBytes: Type.Integer({ description: 'Resident, Perch alone.' }),
  heapUsedBytes: Type.Integer(),
  eventLoopDelayMs: Type.Object(
    { mean: Type.Number(), p99: Type.Number(), max: Type.Number() },
    { description: 'How late work began that was due, over the last 10 to 20 seconds.' },
  ),
  paths: Type.Integer(),
  activeStreams: Type.Integer(),
  publishers: Type.Integer(),
  readers: Type.Integer(),
  recordings: Type.Integer({ description: 'Paths that are being recorded now.' }),
  inboundBitrate: Type.Number({ description: 'Bits per second that come in, all paths together.' }),
});
export type Stats = Static<typeof Stats>;

export interface StatsLookup {
  stats(): Promise<Stats>;
}

/** `GET /stats`: how the box is doing, in numbers. */
export const statsRoutes: FastifyPluginAsync<{ stats: StatsLookup }> = async (app, { stats }) => {
  const schema = { summary: 'How the box is doing, in numbers', tags: ['box'], response: answers(Stats) };
  app.get('/stats', { schema }, () => stats.stats());
};
