import type { Recordings } from '../../../recordings/recordings.ts';
import type { Host } from '../../contract.ts';
import { BoxEvents } from '../events/box-events.ts';
import { type BoxClient, BoxRequests } from '../requests/box-requests.ts';
import { remoteOf } from '../requests/remote-paths.ts';
import { remoteSettings } from '../requests/remote-settings.ts';
import { remoteSteering } from '../requests/remote-steering.ts';
import { ClipCopies } from './clip-copies.ts';
import { RemoteRecordings } from './remote-recordings.ts';

export interface RemoteCamerasDeps extends Pick<Host, 'dataDir' | 'clock' | 'log' | 'config' | 'boxLinks'> {
  readonly recordings: Recordings;
  readonly boxes: BoxClient;
}

export type RemoteParts = ReturnType<typeof openRemoteParts>;

/** What paths with a source `perch://` need; loaded with the first of them. */
export function openRemoteParts(deps: RemoteCamerasDeps) {
  const { recordings, config } = deps;
  const requests = new BoxRequests(deps.boxes, deps.clock);
  const here = (path: string) => remoteOf(config(), path);
  const box = new RemoteRecordings({
    requests,
    clock: deps.clock,
    remoteOf: here,
    titleOf: (path) => recordings.titleOf(path),
  });
  return {
    box,
    steering: remoteSteering({ requests, remoteOf: here }),
    settings: remoteSettings({ requests, remoteOf: here }),
    copies: new ClipCopies({
      ...deps,
      box,
      playback: recordings.playback,
      ranges: () => {
        const { fault, all } = recordings.space.protectedRanges;
        return fault === undefined ? all : undefined;
      },
      refusal: (file) => recordings.space.refusal(file),
    }),
    events: new BoxEvents({ ...deps, requests }),
  };
}
