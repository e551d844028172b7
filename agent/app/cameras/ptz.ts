import { PerchError } from '../../base/errors.ts';
import type { CameraSteering } from '../../http/api/cameras/camera-control.ts';
import type { CameraControl, CameraControls, EncoderSettings } from '../../onvif/control/control.ts';

/** A camera that does not let Perch in is no reason to log in to Perch again. */
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

/** What the camera does not know is for whoever asks for it to put right: it is there, and answers. */
function asAsked(error: unknown): unknown {
  const complaint = error instanceof PerchError ? error.context['complaint'] : undefined;
  if (!(error instanceof PerchError) || (complaint !== 'notFound' && complaint !== 'badInput')) {
    return error;
  }
  return new PerchError(complaint, error.message, error.context, error);
}

/**
 * Controls of cameras by their paths, in the form of the API.
 * @param changed is told when a camera was set or begins anew
 */
export function steeringOf(
  controls: CameraControls,
  changed: (path: string, what: 'settings' | 'reboot') => void,
): CameraSteering {
  const use = <T>(path: string, work: (control: CameraControl) => Promise<T>): Promise<T> =>
    ofCamera(async () => {
      const control = controls.control(path);
      if (!control) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      return work(control).catch((error: unknown) => {
        throw asAsked(error);
      });
    });
  return {
    abilities: (path) =>
      use(path, async ({ ptz }) => {
        const { hasPanTilt, hasZoom, hasHome, mostPresets } = await ptz.abilities();
        return { hasPanTilt, hasZoom, hasHome: hasHome ?? null, mostPresets: mostPresets ?? null };
      }),
    move: (path, velocity) => use(path, ({ ptz }) => ptz.move(velocity)),
    stop: (path) => use(path, ({ ptz }) => ptz.stop()),
    presets: (path) => use(path, async ({ ptz }) => (await ptz.presets()).map(({ token, name }) => ({ token, name }))),
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

const clockJson = ({ skewMs, source, ntpServer }: Awaited<ReturnType<CameraControl['clock']>>) => ({
  skewMs,
  source: source ?? null,
  ntpServer: ntpServer ?? null,
});

const encoderJson = ({ groupFrames, fps, bitrateKbps }: Partial<EncoderSettings>) => ({
  groupFrames: groupFrames ?? null,
  fps: fps ?? null,
  bitrateKbps: bitrateKbps ?? null,
});
