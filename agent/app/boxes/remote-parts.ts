import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/load/load.ts';
import type { Recordings } from '../recordings/recordings.ts';
import { BoxEvents } from './box-events.ts';
import { type BoxClient, BoxRequests } from './box-requests.ts';
import { recordedElsewhere } from './remote-paths.ts';
import { RemoteRecordings } from './remote-recordings.ts';

export interface RemoteCamerasDeps {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordings: Recordings;
  readonly boxes: BoxClient;
  /** In force. */
  config(): Config;
}

export type RemoteParts = ReturnType<typeof openRemoteParts>;

/** What paths with a source `perch://` need; loaded with the first of them. */
export function openRemoteParts(deps: RemoteCamerasDeps) {
  const { recordings, config } = deps;
  const requests = new BoxRequests(deps.boxes, deps.clock);
  return {
    recordings: new RemoteRecordings({
      requests,
      clock: deps.clock,
      remoteOf: (path) => recordedElsewhere(config(), path),
      titleOf: (path) => recordings.titleOf(path),
    }),
    events: new BoxEvents({ ...deps, requests }),
  };
}
