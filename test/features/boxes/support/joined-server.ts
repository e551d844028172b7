import { onTestFinished } from 'vitest';
import { systemClock } from '../../../../agent/base/clock.ts';
import { silentLogger } from '../../../../agent/base/log.ts';
import { JoinedRecordings } from '../../../../agent/features/boxes/recordings/joined-recordings.ts';
import { RemoteRecordings } from '../../../../agent/features/boxes/recordings/remote-recordings.ts';
import { BoxRequests } from '../../../../agent/features/boxes/requests/box-requests.ts';
import { createHttpApp } from '../../../../agent/http/listener/app.ts';
import type { Playback } from '../../../../agent/playback/playback.ts';
import { playbackPlugin } from '../../../../agent/playback/plugin.ts';
import { type TimelineRequest, timelineQuery } from '../../../../agent/playback/read/query.ts';
import type { RemotePlayback } from '../../../../agent/playback/read/remote.ts';
import { rewindAddresses, vodRoutes } from '../../../../agent/playback/vod/vod-routes.ts';
import { listenLocally } from '../../../support/base/local-listener.ts';
import { temporaryFolder } from '../../../support/disks/recordings.ts';
import { openPlayback } from '../../../support/harness/playback.ts';
import { plainBoxes } from './plain-box.ts';

/** Serves playback, and timelines as the API of a box does, on a port of loopback until the test ends. */
export async function servePlayback(
  playback: Playback,
  remote?: RemotePlayback,
  timeline = (request: TimelineRequest): Promise<object> => playback.timeline(timelineQuery(request)),
): Promise<string> {
  const app = createHttpApp({ log: silentLogger });
  const access = { require: async () => {}, origin: () => ({ baseUrl: 'https://server.lan' }) };
  const shared = { prefix: '/playback', access, cors: () => async () => undefined, ...(remote && { remote }) };
  await app.register(playbackPlugin, { ...shared, playback, titleOf: () => undefined });
  await app.register(vodRoutes, { ...shared, streams: playback.streams, frames: playback });
  const rewind = rewindAddresses({ ...shared, streams: playback.streams, frames: playback });
  app.get('/hls/*', (request, reply) => rewind.answer((request.params as { '*': string })['*'], request, reply));
  app.get('/v3/timeline/*', ({ params, query }) =>
    timeline({ ...(query as Omit<TimelineRequest, 'path'>), path: (params as { '*': string })['*'] }),
  );
  const listener = await listenLocally(app);
  onTestFinished(async () => void (await app.close()));
  return `http://127.0.0.1:${listener.port}`;
}

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
): Promise<{ readonly url: string; readonly joined: JoinedRecordings }> {
  const box = new RemoteRecordings({
    requests: new BoxRequests(plainBoxes(port), systemClock),
    clock: systemClock,
    remoteOf: (path) => (path === 'yard' ? { box: 'house', path: 'cam' } : undefined),
    titleOf: () => 'Back yard',
  });
  const joined = new JoinedRecordings({
    box,
    playback,
    clock: systemClock,
    timeline: (request) => playback.timeline(timelineQuery(request)),
    isRecorded: () => true,
  });
  const remote = Object.assign(joined, { has: (path: string) => path === 'yard' });
  return { url: await servePlayback(playback, remote, (request) => joined.timeline(request)), joined };
}
