import { PerchError } from '../../base/errors.ts';
import type { CameraCommands, CameraSteering } from '../../http/api/cameras/camera-control.ts';
import type { CameraMasks } from '../../http/api/cameras/masks.ts';
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

interface Controls {
  control(path: string): OnvifControl | undefined;
  withEvenIfOff<T>(path: string, work: (control: OnvifControl) => Promise<T>): Promise<T> | undefined;
  isOff(path: string): boolean;
}

type Changed = (path: string, what: 'settings' | 'reboot') => void;

/** Camera controls by path, in the API's form. @param changed called after a change of settings or a reboot */
export function steeringOf(controls: Controls, changed: Changed): CameraSteering {
  const commands = commandsOf(controls, changed);
  const listeners = new Set<(path: string) => void>();
  const announced = <A extends readonly unknown[], R>(command: (path: string, ...rest: A) => R) => {
    return (path: string, ...rest: A): R => {
      // A request may name any path; listeners hear of cameras only.
      for (const listener of controls.control(path) ? listeners : []) {
        listener(path);
      }
      return command(path, ...rest);
    };
  };
  const switchListeners = new Set<(path: string, id: string, isOn: boolean) => void>();
  const { move, stop, goToPreset, goHome, moveTo, center } = commands;
  return {
    ...commands,
    asPerson: {
      ...commands,
      move: announced(move),
      stop: announced(stop),
      goToPreset: announced(goToPreset),
      goHome: announced(goHome),
      moveTo: announced(moveTo),
      center: announced(center),
      async setOutput(path, id, isOn) {
        await commands.setOutput(path, id, isOn);
        for (const listener of switchListeners) {
          listener(path, id, isOn);
        }
      },
    },
    steered(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    switched(listener) {
      switchListeners.add(listener);
      return () => switchListeners.delete(listener);
    },
  };
}

function commandsOf(controls: Controls, changed: Changed): CameraCommands {
  const checked = <T>(path: string, work: () => Promise<T> | undefined): Promise<T> =>
    ofCamera(async () => {
      const working = work();
      if (!working) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      return working.catch((error: unknown) => {
        throw asClientError(error);
      });
    });
  const use = <T>(path: string, work: (control: OnvifControl) => Promise<T>): Promise<T> =>
    checked(path, () => {
      const control = controls.control(path);
      return control && work(control);
    });
  const useEvenIfOff = <T>(path: string, work: (control: OnvifControl) => Promise<T>): Promise<T> =>
    checked(path, () => controls.withEvenIfOff(path, work));
  return {
    abilities: (path) =>
      use(path, async ({ ptz }) => {
        const { hasHome, mostPresets, centering, ...plain } = await ptz.abilities();
        return {
          ...plain,
          hasHome: hasHome ?? null,
          mostPresets: mostPresets ?? null,
          canCenter: centering !== undefined,
          isCenterEstimated: centering === 'estimated',
        };
      }),
    move: (path, velocity) => use(path, ({ ptz }) => ptz.move(velocity)),
    // A pause has stopped the camera, and the page that steered it does so once more.
    stop: async (path) => (controls.isOff(path) ? undefined : use(path, ({ ptz }) => ptz.stop())),
    presets: (path) => use(path, ({ ptz }) => ptz.presets()),
    goToPreset: (path, token) => use(path, ({ ptz }) => ptz.goToPreset(token)),
    setPreset: (path, name, token) => use(path, ({ ptz }) => ptz.setPreset(name, token)),
    removePreset: (path, token) => use(path, ({ ptz }) => ptz.removePreset(token)),
    goHome: (path) => use(path, ({ ptz }) => ptz.goHome()),
    position: (path) => use(path, ({ ptz }) => ptz.position()),
    moveTo: (path, position) => use(path, ({ ptz }) => ptz.moveTo(position)),
    center: (path, { x, y }) => use(path, ({ ptz }) => ptz.center(x, y)),
    outputs: (path) => use(path, ({ outputs }) => outputs.list()),
    // A siren that sounds must end, also when its camera is private.
    setOutput: (path, id, isOn) => (isOn ? use : useEvenIfOff)(path, ({ outputs }) => outputs.set(id, isOn)),
    setRelay: (path, id, wanted) => use(path, ({ outputs }) => outputs.setRelay(id, wanted)),
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

type Control = Pick<OnvifControl, 'masks' | 'setMask' | 'removeMask'>;

const NO_MASKS = { maxMasks: 0, maxPoints: 0, rectangleOnly: false, masks: [] };

/** Privacy masks by path, in the API's form. Answers with the masks as the camera then has them. */
export function masksOf(controls: { control(path: string): Control | undefined }): CameraMasks {
  const use = (path: string, work: (control: Control) => Promise<void>) =>
    ofCamera(async () => {
      const control = controls.control(path);
      if (!control) {
        throw new PerchError('notFound', 'no camera with ONVIF has this path', { path });
      }
      await work(control);
      const found = await control.masks();
      if (!found) {
        return NO_MASKS;
      }
      const { maxMasks, maxPoints, isRectangleOnly: rectangleOnly, masks } = found;
      return {
        maxMasks,
        maxPoints,
        rectangleOnly,
        masks: masks.map(({ token, points, isEnabled: enabled }) => {
          return { token, enabled, points: points.map(([x, y]) => [x, y]) };
        }),
      };
    });
  return {
    get: (path) => use(path, async () => {}),
    set: (path, { token, points }) =>
      use(path, (control) =>
        control.setMask({ token, points: points.map(([x = 0, y = 0]): [number, number] => [x, y]) }),
      ),
    remove: (path, token) => use(path, (control) => control.removeMask(token)),
  };
}
