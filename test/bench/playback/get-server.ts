import { join } from 'node:path';
import v8 from 'node:v8';
import vm from 'node:vm';
import fastifyStatic from '@fastify/static';
import fastify from 'fastify';
import { playbackPlugin } from '../../../agent/playback/stores/plugin.ts';
import { openPlayback, storesOf } from '../../support/harness/playback.ts';

/*
 * Playback and @fastify/static in one process: `node get-server.ts FOLDER` prints `ready PORT`. In addition to `/get` and `/static/…`:
 * `/memory` answers with the bytes in use after a garbage collection, `/forget` drops all tables.
 */
const [folder = ''] = process.argv.slice(2);
v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as () => void;

const playback = openPlayback(folder, join(folder, 'index.db'));
const app = fastify({ forceCloseConnections: true });
await app.register(playbackPlugin, {
  stores: storesOf(playback),
  access: { require: async () => {}, origin: () => ({ baseUrl: '' }) },
  cors: () => async () => undefined,
});
await app.register(fastifyStatic, { root: folder, prefix: '/static/', serve: true });
app.get('/memory', async () => {
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return String(heapUsed + external);
});
app.get('/forget', async () => {
  playback.tables.clear();
  return '';
});
await app.listen({ port: 0, host: '127.0.0.1' });
const address = app.server.address();
console.log(`ready ${typeof address === 'object' ? address?.port : 0}`);
process.stdin.resume().on('end', () => process.exit(0));
