import { PerchError } from '../../base/errors.ts';
import type { CameraSteering } from '../../http/api/cameras/camera-control.ts';
import type { CameraClock } from '../../onvif/control/camera-clock.ts';
import type { EncoderSettings } from '../../onvif/control/encoder.ts';
import type { OnvifControl } from '../../onvif/control/onvif-control.ts';

/** A login that the camera rejects must not become a 401 of Perch. */
export async function ofCamera<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PerchError && error.code === 'unauthorized') {
      throw new PerchError('unavailable', error.message, error.context, error);
    }
    throw error;
  }
}

/** An unknown item or invalid value is the client's error: the camera works. */
export function asClientError(error: unknown): unknown {
  const complaint = error instanceof PerchError ? error.context['complaint'] : undefined;
  if (!(error instanceof PerchError) || (complaint !== 'notFound' && complaint !== 'badInput')) {
    return error;
  }
  return new PerchError(complaint, error.message, error.context, error);
}

/** Camera controls by path, in the API's form. @param changed called after a change of settings or a reboot */
export function steeringOf(
  controls: { control(path: string): OnvifControl | undefined; isOff(path: string): boolean },
  changed: (path: string, what: 'settings' | 'reboot') => void,
): CameraSteering {
  const use = <T>(path: string, work: (control: OnvifControl) => Promise<T>): Promise<T> =>
    ofCamera(async () => {
      const control = controls.control(path);
      if (!control) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      return work(control).catch((error: unknown) => {
        throw asClientError(error);
      });
    });
  return {
    abilities: (path) =>
      use(path, async ({ ptz }) => {
        const { hasPanTilt, hasZoom, hasHome, mostPresets } = await ptz.abilities();
        return { hasPanTilt, hasZoom, hasHome: hasHome ?? null, mostPresets: mostPresets ?? null };
      }),
    move: (path, velocity) => use(path, ({ ptz }) => ptz.move(velocity)),
    // A pause has stopped the camera, and the page that steered it does so once more.
    stop: async (path) => (controls.isOff(path) ? undefined : use(path, ({ ptz }) => ptz.stop())),
    presets: (path) => use(path, ({ ptz }) => ptz.presets()),
    goToPreset: (path, token) => use(path, ({ ptz }) => ptz.goToPreset(token)),
    setPreset: (path, name, token) => use(path, ({ ptz }) => ptz.setPreset(name, token)),
    removePreset: (path, token) => use(path, ({ ptz }) => ptz.removePreset(token)),
    goHome: (path) => use(path, ({ ptz }) => ptz.goHome()),
    reboot: async (path) => {
      await use(path, (control) => control.reboot());
      changed(path, 'reboot');
    },
    clock: (path) => use(path, async (control) => clockJson(await control.clock())),
    setClock: (path, ntpServer) =>
      use(path, async (control) => {
        const now = await (ntpServer === undefined ? control.setClock() : control.setNtp(ntpServer));
        changed(path, 'settings');
        return clockJson(now);
      }),
    encoder: (path) =>
      use(path, async (control) => {
        const { profile, now, better, words } = await control.encoder();
        return { profile, now: encoderJson(now), better: better ? encoderJson(better) : null, words: words ?? null };
      }),
    setEncoder: (path, wanted) =>
      use(path, async (control) => {
        const { profile, before, after, isDone } = await control.setEncoder(wanted);
        changed(path, 'settings');
        return { profile, before: encoderJson(before), after: encoderJson(after), isDone };
      }),
  };
}

const clockJson = ({ skewMs, source, ntpServer }: CameraClock) => ({
  skewMs,
  source: source ?? null,
  ntpServer: ntpServer ?? null,
});

const encoderJson = ({ groupFrames, fps, bitrateKbps }: Partial<EncoderSettings>) => ({
  groupFrames: groupFrames ?? null,
  fps: fps ?? null,
  bitrateKbps: bitrateKbps ?? null,
});
