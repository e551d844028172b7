import type { TellBox } from './base/box-events.ts';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/log.ts';
import { sharedLogins } from './cameras/device/session.ts';
import type { FoundCameras } from './cameras/discovery/found-cameras.ts';
import { Follower } from './cameras/following/follower.ts';
import { type Environment, variableOf } from './config/environment.ts';
import type { ConfigStore } from './config/store.ts';

/** Goes after the cameras of a configuration, and writes into it where they are now. */
export const followCameras = (
  found: FoundCameras,
  store: ConfigStore,
  { clock, log, env }: { readonly clock: Clock; readonly log: Logger; readonly env: Environment },
  tell: TellBox,
): Follower =>
  new Follower({
    ...{ clock, log, found, tell, logins: sharedLogins },
    config: () => store.current,
    revise: (plan) => store.revise(plan, 'camera'),
    variableOf: (keyPath) => variableOf(keyPath, env),
  });
