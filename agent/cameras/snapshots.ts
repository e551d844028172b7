import { systemClock } from '../base/clock.ts';
import { type Config, resolvePath } from '../config/load/load.ts';
import { isOff } from '../config/schema/path.ts';
import { Snapshots } from '../onvif/device/snapshots.ts';
import { MAX_SNAPSHOT_BYTES } from '../record/snapshots/snapshot-files.ts';
import type { SnapshotSource } from '../record/snapshots/snapshot-taker.ts';
import { EndpointGuard } from './following/endpoint-guard.ts';

/** Snapshots of cameras with a configured ONVIF service. */
export class CameraSnapshots {
  readonly #config: () => Config;
  /** By path, until the settings change. */
  readonly #known = new Map<string, { readonly key: string; readonly snapshots: Snapshots }>();

  constructor(config: () => Config) {
    this.#config = config;
  }

  /** @param maxBytes of a picture */
  sourceOf(path: string, maxBytes = MAX_SNAPSHOT_BYTES): SnapshotSource | undefined {
    const settings = resolvePath(this.#config(), path)?.settings;
    const camera = settings?.camera;
    if (!settings || !camera?.onvif || isOff(settings)) {
      this.#known.delete(path);
      return undefined;
    }
    const { onvif: url, user, password, profile, clearPassword, endpoint } = camera;
    const key = JSON.stringify([url, user, password, profile, clearPassword, endpoint, maxBytes]);
    let known = this.#known.get(path);
    if (known?.key !== key) {
      const target = { url, user, password, profile, isClearAllowed: clearPassword ?? false };
      const signal = new AbortController().signal;
      const guard = new EndpointGuard({ url, endpoint, clock: systemClock, signal });
      known = { key, snapshots: new Snapshots({ ...target, guard, maxBytes }) };
      this.#known.set(path, known);
    }
    return known.snapshots;
  }
}
