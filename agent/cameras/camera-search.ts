import type { Network } from '../../system/network-watch.ts';
import type { Clock } from '../base/clock.ts';
import type { PublishEvent } from '../base/event-bus.ts';
import type { Context } from '../config/load/context.ts';
import { type Environment, variableOf } from '../config/load/environment.ts';
import type { ConfigStore } from '../config/store/store.ts';
import { FoundCameras, type FoundCamerasOptions, type OnFound } from '../onvif/discovery/found-cameras.ts';
import { sharedLogins } from '../onvif/soap/login/login-memory.ts';
import type { EventHub } from '../record/events/event-hub.ts';
import { Follower, type FollowerDeps } from './following/follower.ts';

const MOVED = 'perch.moved';
const PUBLISHED_WITHIN_MS = 10 * 60_000;

interface CameraSearchDeps extends Pick<FoundCamerasOptions, 'isMissing' | 'isOwn'>, Pick<Context, 'clock' | 'log'> {
  readonly env: Environment;
  readonly network?: Network | undefined;
  readonly discovery?: Pick<FoundCamerasOptions, 'port' | 'includeLoopback' | 'only'> | undefined;
  readonly store: Pick<ConfigStore, 'current' | 'revise'>;
  readonly publish: PublishEvent;
  readonly history: Pick<EventHub, 'add'>;
  readonly streamFailed?: FollowerDeps['streamFailed'];
}

/** The cameras in the networks: announces new ones, follows configured ones to new addresses and saves these. */
export class CameraSearch {
  readonly found: FoundCameras;
  readonly follower: Follower;
  readonly #deps: CameraSearchDeps;

  constructor(deps: CameraSearchDeps) {
    const { store, env, publish, history } = deps;
    this.#deps = deps;
    // The network of a server is that of strangers.
    this.found = new FoundCameras({ ...deps, ...deps.discovery, isOff: () => store.current.server });
    this.follower = new Follower({
      ...deps,
      found: this.found,
      logins: sharedLogins,
      publish: notingMoves(publish, history),
      config: () => store.current,
      revise: (plan) => store.revise(plan, 'camera'),
      variableOf: (keyPath) => variableOf(keyPath, env),
    });
  }

  begin(): void {
    const { publish, clock, network } = this.#deps;
    this.found.onFound(publishFoundCameras(publish, clock));
    this.found.start();
    network?.onChange(() => this.found.networksChanged());
  }

  async close(): Promise<void> {
    await Promise.all([this.follower.close(), this.found.close()]);
  }
}

/** Publishes events, and stores each move in the event history, without the address: viewers read it, too. */
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

/** Reports newly discovered cameras. Limited, because anyone in the network can invent cameras and flood the event history. */
export function publishFoundCameras(publish: PublishEvent, clock: Pick<Clock, 'monoMs'>): OnFound {
  let [published, sinceMs] = [0, clock.monoMs()];
  return ({ endpoint, address, name, hardware, manufacturer }, finding) => {
    if (clock.monoMs() - sinceMs >= PUBLISHED_WITHIN_MS) {
      [published, sinceMs] = [0, clock.monoMs()];
    }
    if (finding === 'new' && published < 100) {
      published += 1;
      publish('camera', { state: 'found', endpoint, address, name, hardware, manufacturer });
    }
  };
}
