import { onTestFinished } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { RemoteRecordings } from '../../../../agent/features/boxes/recordings/remote-recordings.ts';
import { BoxRequests } from '../../../../agent/features/boxes/requests/box-requests.ts';
import { createHttpApp } from '../../../../agent/http/listener/app.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import type { TimelineRequest } from '../../../../agent/playback/read/query.ts';
import { playbackPlugin } from '../../../../agent/playback/stores/plugin.ts';
import type { Stores } from '../../../../agent/playback/stores/stores.ts';
import { rewindAddresses, vodRoutes } from '../../../../agent/playback/stores/vod-routes.ts';
import { listenLocally } from '../../../support/base/local-listener.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { openPlayback, storesOf } from '../../../support/harness/playback.ts';
import { plainBoxes } from './plain-box.ts';

/** Serves recordings, and timelines as the API of a box does, on a port of loopback until the test ends. */
async function serveStores(stores: Stores): Promise<string> {
  const app = createHttpApp({ log: silentLogger });
  const access = { require: async () => {}, origin: () => ({ baseUrl: 'https://server.lan' }) };
  const shared = { prefix: '/playback', access, cors: () => async () => undefined, stores };
  await app.register(playbackPlugin, shared);
  await app.register(vodRoutes, shared);
  const rewind = rewindAddresses(shared);
  app.get('/hls/*', (request, reply) => rewind.answer((request.params as { '*': string })['*'], request, reply));
  app.get('/v3/timeline/*', async ({ params, query }) => {
    const path = (params as { '*': string })['*'];
    return (await stores.of(path)).timeline({ ...(query as Omit<TimelineRequest, 'path'>), path });
  });
  const listener = await listenLocally(app);
  onTestFinished(async () => void (await app.close()));
  return `http://127.0.0.1:${listener.port}`;
}

export const servePlayback = (playback: Playback): Promise<string> => serveStores(storesOf(playback));

/** Playback of the recordings in a new folder, until the test ends. */
export function openTestPlayback(): { readonly folder: string; readonly playback: Playback } {
  const folder = temporaryFolder();
  const playback = openPlayback(folder.path);
  onTestFinished(async () => {
    await playback.close();
    folder[Symbol.dispose]();
  });
  return { folder: folder.path, playback };
}

/** A server whose path `yard` is `cam` of the box at a port. @param playback its own recordings */
export async function joinedServer(
  port: () => number | undefined,
  { playback } = openTestPlayback(),
): Promise<{ readonly url: string }> {
  const box = new RemoteRecordings({
    requests: new BoxRequests(plainBoxes(port), systemClock),
    clock: systemClock,
    remoteOf: (path) => (path === 'yard' ? { box: 'house', path: 'cam' } : undefined),
    titleOf: () => 'Back yard',
  });
  const stores = storesOf(playback);
  stores.add({ has: (path) => path === 'yard', names: () => ['yard'], open: async () => box });
  return { url: await serveStores(stores) };
}
