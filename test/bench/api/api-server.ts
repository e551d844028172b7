import fastify from 'fastify';
import { KEYS } from '../../../agent/app/keys.ts';
import { systemClock } from '../../../agent/base/clock.ts';
import { EventBus } from '../../../agent/base/event-bus.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { parseConfig } from '../../../agent/config/load/load.ts';
import { MEDIAMTX_USERS } from '../../../agent/config/schema/common/general.ts';
import { type ControlApiOptions, controlApi } from '../../../agent/http/api/control-api.ts';
import { EventStreams } from '../../../agent/http/api/recordings/event-stream.ts';
import type { AacTrack } from '../../../agent/media/sample/track.ts';
import { PathTable } from '../../../agent/paths/path-table.ts';
import { listenLocally } from '../../support/base/local-listener.ts';
import { ScriptedSource } from '../../support/cameras/scripted-source.ts';
import { openHttpHarness } from '../../support/harness/http/http-harness.ts';
import { sessionTables } from '../../support/harness/http/session-tables.ts';
import { H264_TRACK } from '../../support/media/tracks.ts';

/*
 * The control API over paths that all have a stream, and a bare Fastify that returns the same bytes from memory, each on a port of
 * its own: `node api-server.ts PATHS` prints `ready PORT PORT`.
 */
const count = Number(process.argv[2]);
const AAC: AacTrack = {
  ...{ kind: 'audio', codec: 'aac', clockRate: 48_000, channels: 2, frameSamples: 1024 },
  config: Uint8Array.of(0x11, 0x90),
};

const names = Array.from({ length: count }, (_, i) => `cam${i}`);
const text = `paths:\n${names.map((name) => `  ${name}: { source: rtsp://127.0.0.1/${name} }\n`).join('')}`;
const { config } = parseConfig(text, 'perch.yml', {}, { recordPath: '/data/%path/%s%f', cwd: '/', keys: KEYS });
const sources: ScriptedSource[] = [];
const paths = new PathTable(
  {
    source: () => {
      const source = new ScriptedSource();
      sources.push(source);
      return source;
    },
    recorder: () => ({
      start: () => {},
      stop: async () => {},
      status: { active: true, error: null, why: null, since: null },
    }),
    streamOpened: () => {},
  },
  systemClock,
  silentLogger,
);
if (config) {
  await paths.apply(config);
}
await new Promise((resolve) => setImmediate(resolve));
for (const source of sources) {
  source.deliver([H264_TRACK, AAC]);
}

const box = await openHttpHarness({ rules: { isOwn: false, internalUsers: MEDIAMTX_USERS } });
const options = {
  access: box.access,
  allowOrigins: () => ['*'],
  info: { version: 'v0.0.0', started: new Date().toISOString() },
  paths,
  config: { keys: KEYS },
  problemKinds: [],
  mountFeatures: async () => {},
  sessions: sessionTables(),
  streams: new EventStreams(new EventBus(systemClock), systemClock),
  cameras: {},
  pageFolder: '/',
} as unknown as ControlApiOptions;
await box.app.register(controlApi, options);
const same = (await box.app.inject({ url: `/v3/paths/list?itemsPerPage=${count}`, headers: { host: 'localhost' } }))
  .body;
const memory = fastify();
const bytes = Buffer.from(same);
memory.get('/memory', (_request, reply) => reply.type('application/json; charset=utf-8').send(bytes));

const { port } = await listenLocally(box.app);
const bare = new URL(await memory.listen({ port: 0, host: '127.0.0.1' })).port;
console.log(`ready ${port} ${bare} ${bytes.length}`);
process.stdin.resume().on('end', () => process.exit(0));
