import type { TellBox } from './base/box-events.ts';
import type { OnFound } from './cameras/discovery/found-cameras.ts';
import type { Change } from './config/changes.ts';
import type { Config } from './config/load.ts';
import type { CameraEvent } from './record/events/event.ts';

/** A configuration has been taken: one event for each path and one for what is above them. */
export function tellOfConfig(tell: TellBox): (config: Config, changes: readonly Change[]) => void {
  return (_config, changes) => {
    for (const { path, words, keys } of changes) {
      tell('config', { path, change: words, keys });
    }
  };
}

/** What cameras see, with its begin and its end; and disks, which Perch itself tells of without a path. */
export function tellOfCameras(tell: TellBox): (event: CameraEvent) => void {
  return ({ id, path, type, startUs, endUs, text, source }) => {
    if (path === '') {
      // `vanished: /mnt/usb: …`: its text begins with the state that it has come into.
      const [state = ''] = text.split(':', 1);
      tell('disk', { state: type === 'disk' ? state : type, text });
      return;
    }
    const start = new Date(startUs / 1000).toISOString();
    const end = endUs === undefined ? null : new Date(endUs / 1000).toISOString();
    tell('event', { id, path, type, start, end, text, source });
  };
}

/** A camera has answered or announced itself that was not known at this address. Its texts are its own claims. */
export function tellOfFound(tell: TellBox): OnFound {
  return ({ endpoint, address, name, hardware, manufacturer }, finding) => {
    if (finding === 'new') {
      tell('camera', { state: 'found', endpoint, address, name, hardware, manufacturer });
    }
  };
}
