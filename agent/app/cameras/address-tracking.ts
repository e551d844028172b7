import type { Clock } from '../../base/clock.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Logger } from '../../base/log.ts';
import { Follower } from '../../cameras/following/follower.ts';
import { type Environment, variableOf } from '../../config/load/environment.ts';
import type { ConfigStore } from '../../config/store/store.ts';
import type { FoundCameras } from '../../onvif/discovery/found-cameras.ts';
import { sharedLogins } from '../../onvif/soap/login/login-memory.ts';
import type { EventHub } from '../../record/events/event-hub.ts';

const MOVED = 'perch.moved';

/** Follows configured cameras to new addresses, and saves these in the configuration. */
export const trackAddresses = (
  found: FoundCameras,
  store: ConfigStore,
  { clock, log, env }: { readonly clock: Clock; readonly log: Logger; readonly env: Environment },
  publish: PublishEvent,
  history: Pick<EventHub, 'add'>,
): Follower =>
  new Follower({
    clock,
    log,
    found,
    logins: sharedLogins,
    publish: notingMoves(publish, history),
    config: () => store.current,
    revise: (plan) => store.revise(plan, 'camera'),
    variableOf: (keyPath) => variableOf(keyPath, env),
  });

/** Publishes, and stores each move. Without the address, because viewers read it too. */
export const notingMoves =
  (publish: PublishEvent, history: Pick<EventHub, 'add'>): PublishEvent =>
  (type, fields) => {
    publish(type, fields);
    const { state, path } = fields;
    if (type === 'camera' && state === 'moved' && typeof path === 'string') {
      // The log has it as well, so a full journal is ignored.
      history.add({ path, type: MOVED, source: 'perch' }).catch(() => {});
    }
  };
