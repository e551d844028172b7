import type { PublishEvent } from '../../base/event-bus.ts';
import type { Config } from '../../config/load/load.ts';
import type { Author } from '../../config/store/change-log.ts';
import type { Change } from '../../config/store/changes.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import { eventReport } from '../../record/events/event-report.ts';

/** One event for each changed path, and one for global settings. */
export function publishConfigChanges(
  publish: PublishEvent,
): (config: Config, changes: readonly Change[], author: Author) => void {
  return (_config, changes, { by, user }) => {
    for (const { path, words, keys } of changes) {
      publish('config', { path, change: words, keys, by, user });
    }
  };
}

/** Events of cameras with start and end, and of disks, which have no path. `HardwareWatch` publishes its own. */
export function publishCameraEvents(publish: PublishEvent): (event: CameraEvent) => void {
  return (event) => {
    const { path, type, text } = event;
    if (path === '') {
      if (type === 'hardware') {
        return;
      }
      // The text begins with the new state: `vanished: /mnt/usb: …`.
      const [state = ''] = text.split(':', 1);
      publish('disk', { state: type === 'disk' ? state : type, text });
      return;
    }
    publish('event', eventReport(event));
  };
}
