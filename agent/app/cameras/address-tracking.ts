import type { TellBox } from '../../base/box-events.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { Follower } from '../../cameras/following/follower.ts';
import { type Environment, variableOf } from '../../config/load/environment.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import { sharedLogins } from '../../onvif/device/session.ts';
import type { FoundCameras } from '../../onvif/discovery/found-cameras.ts';

/** Where it is noted that a camera was followed. */
export interface EventHistory {
  add(event: { readonly path: string; readonly type: string; readonly source: 'perch' }): Promise<unknown>;
}

/** Under this type a list of events tells it. */
export const MOVED = 'perch.moved';

/** Goes after the cameras of a configuration, and writes into it where they are now. */
export const followCameras = (
  found: FoundCameras,
  store: ConfigStore,
  { clock, log, env }: { readonly clock: Clock; readonly log: Logger; readonly env: Environment },
  tell: TellBox,
  history: EventHistory,
): Follower =>
  new Follower({
    ...{ clock, log, found, logins: sharedLogins },
    tell: notingMoves(tell, history),
    config: () => store.current,
    revise: (plan) => store.revise(plan, 'camera'),
    variableOf: (keyPath) => variableOf(keyPath, env),
  });

/** Tells on, and notes each move. Without the address: viewers read it too. */
export const notingMoves =
  (tell: TellBox, history: EventHistory): TellBox =>
  (type, fields) => {
    tell(type, fields);
    const { state, path } = fields;
    if (type === 'camera' && state === 'moved' && typeof path === 'string') {
      // The log has it as well: a journal that takes no more is no trouble of the camera's.
      history.add({ path, type: MOVED, source: 'perch' }).catch(() => {});
    }
  };
