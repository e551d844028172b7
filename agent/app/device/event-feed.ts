import type { Clock } from '../../base/clock.ts';
import type { PublishEvent } from '../../base/event-bus.ts';
import type { Config } from '../../config/load/load.ts';
import type { Author } from '../../config/store/change-log.ts';
import type { Change } from '../../config/store/changes.ts';
import type { OnFound } from '../../onvif/discovery/found-cameras.ts';
import type { CameraEvent } from '../../record/events/event.ts';

/** A configuration has been taken: one event for each path and one for what is above them. */
export function tellOfConfig(
  publish: PublishEvent,
): (config: Config, changes: readonly Change[], author: Author) => void {
  return (_config, changes, { by, user }) => {
    for (const { path, words, keys } of changes) {
      publish('config', { path, change: words, keys, by, user });
    }
  };
}

/** What cameras see, with its begin and its end; and disks, which Perch itself tells of without a path. */
export function tellOfCameras(publish: PublishEvent): (event: CameraEvent) => void {
  return ({ id, path, type, startUs, endUs, text, source }) => {
    if (path === '') {
      // `vanished: /mnt/usb: …`: its text begins with the state that it has come into.
      const [state = ''] = text.split(':', 1);
      publish('disk', { state: type === 'disk' ? state : type, text });
      return;
    }
    const start = new Date(startUs / 1000).toISOString();
    const end = endUs === undefined ? null : new Date(endUs / 1000).toISOString();
    publish('event', { id, path, type, start, end, text, source });
  };
}

/** More than any house has. */
const FOUND_AT_ONCE = 100;
const FOUND_AGAIN_MS = 10 * 60_000;

/**
 * A camera has answered or announced itself that was not known at this address. Its texts are its own claims.
 * Anybody in the network can invent cameras: not so many that they push what else has happened out of the box's memory.
 */
export function tellOfFound(publish: PublishEvent, clock: Pick<Clock, 'monoMs'>): OnFound {
  let [told, sinceMs] = [0, clock.monoMs()];
  return ({ endpoint, address, name, hardware, manufacturer }, finding) => {
    if (clock.monoMs() - sinceMs >= FOUND_AGAIN_MS) {
      [told, sinceMs] = [0, clock.monoMs()];
    }
    if (finding === 'new' && told < FOUND_AT_ONCE) {
      told += 1;
      publish('camera', { state: 'found', endpoint, address, name, hardware, manufacturer });
    }
  };
}
