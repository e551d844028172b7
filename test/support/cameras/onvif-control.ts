import { onTestFinished } from 'vitest';
import { systemClock } from '../../../agent/base/clock.ts';
import { silentLogger } from '../../../agent/base/log.ts';
import { OnvifControl } from '../../../agent/onvif/control/onvif-control.ts';
import { openSession } from '../../../agent/onvif/device/onvif-session.ts';
import { LoginMemory } from '../../../agent/onvif/soap/login/login-memory.ts';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import type { Quirks } from '../../onvif-camera/quirks.ts';

/** A simulated camera and the control of it, until the end of the test. */
export async function openOnvifControl(quirks: Quirks = {}) {
  const camera = await startOnvifCamera({ quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(systemClock);
  const { signal } = new AbortController();
  const open = () => openSession({ url: camera.url, signal, logins, callDeadlineMs: 1_500 });
  const control = new OnvifControl({ open, profile: 'main', clock: systemClock, log: silentLogger });
  onTestFinished(() => control.close());
  return { camera, control };
}
