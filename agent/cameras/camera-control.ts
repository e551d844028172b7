import type { Context } from '../config/load/context.ts';
import type { Config } from '../config/load/load.ts';
import type { PathTable } from '../paths/path-table.ts';
import { masksOf } from './masks.ts';
import type { Controls } from './onvif/controls.ts';
import { steeringOf } from './onvif/steering.ts';
import { lastingBytes, OwnSettingsChanges } from './own-settings.ts';

interface CameraControlDeps extends Pick<Context, 'clock' | 'log' | 'signal'> {
  readonly controls: Controls;
  readonly paths: PathTable;
  config(): Config;
  /** Called when the description of the camera is outdated. */
  changed(path: string, what: 'settings' | 'reboot'): void;
}

/** What the API changes in cameras through ONVIF: pan, tilt and zoom, their own settings, privacy masks. */
export const cameraControl = ({ controls, paths, clock, log, signal, config, changed }: CameraControlDeps) => ({
  steering: steeringOf(controls, changed),
  ownSettings: new OwnSettingsChanges({
    clock,
    log,
    signal,
    control: (path) => controls.control(path),
    bytesReceived: (path) => lastingBytes(config(), paths, path),
    changed: (path) => changed(path, 'settings'),
  }),
  masks: masksOf(controls),
});
