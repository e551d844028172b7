import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { attributeOf, escapeXml, find, findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operations } from './contract.ts';
import { durationFrom } from './durations.ts';
import { findProfile } from './profiles.ts';
import {
  DEFAULT_MOVE_MS,
  type PtzAxes,
  type PtzLookup,
  ptzConfiguration,
  ptzNode,
  ptzOptions,
} from './ptz-configuration.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { fault, notSupported, tag } from './soap.ts';

/** Interval at which a longer movement is repeated: one call moves the camera for two seconds. */
const REPEAT_MS = 1_000;
const MOVE_LIMITS = { usual: DEFAULT_MOVE_MS, min: 0, max: 60_000 };

interface PtzDeps {
  readonly source: OnvifSource;
  readonly lookup: PtzLookup;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends all movements. */
  readonly signal: AbortSignal;
}

/** The ONVIF PTZ service: movements and presets of the camera behind a path. It does not change presets. */
export function ptzOperations(deps: PtzDeps): Operations {
  const { source, lookup } = deps;
  const movements = new Movements(deps);
  const { ptz } = source;
  const axesOf = async (path: string): Promise<PtzAxes> => {
    const axes = await lookup(path);
    if (!axes) {
      throw new PerchError('badInput', 'this camera cannot be moved', { codes: ['InvalidArgVal', 'NoPTZProfile'] });
    }
    return axes;
  };
  const described = (operation: string, write: (axes: PtzAxes | undefined) => string) => ({
    answer: async ({ camera }: Call) => reply(operation, write(await lookup(camera.path))),
  });
  /** An operation for a camera that can move. @param arrive runs before the first wait, so that later requests find its effect */
  const acting = (operation: string, act: (call: Call) => Promise<unknown>, arrive = (_path: string): void => {}) => ({
    answer: async (call: Call) => {
      findProfile(call.camera, findText(call.body, 'ProfileToken'), source);
      arrive(call.camera.path);
      await axesOf(call.camera.path);
      const content = await act(call);
      return reply(operation, typeof content === 'string' ? content : '');
    },
  });
  const endMovement = (path: string) => movements.end(path);
  return {
    'tptz:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('tptz', SERVICE_CAPABILITIES.ptz) },
    'tptz:GetConfigurations': described('GetConfigurations', (axes) =>
      axes ? ptzConfiguration('tptz:PTZConfiguration', axes) : '',
    ),
    'tptz:GetConfiguration': {
      answer: async ({ camera }) =>
        reply('GetConfiguration', ptzConfiguration('tptz:PTZConfiguration', await axesOf(camera.path))),
    },
    'tptz:GetConfigurationOptions': {
      answer: async ({ camera }) =>
        reply('GetConfigurationOptions', ptzOptions('tptz:PTZConfigurationOptions', await axesOf(camera.path))),
    },
    'tptz:GetNodes': described('GetNodes', (axes) => (axes ? ptzNode('tptz:PTZNode', axes) : '')),
    'tptz:GetNode': {
      answer: async ({ camera }) => reply('GetNode', ptzNode('tptz:PTZNode', await axesOf(camera.path))),
    },
    'tptz:ContinuousMove': {
      answer: async (call) => {
        findProfile(call.camera, findText(call.body, 'ProfileToken'), source);
        await movements.move(call, axesOf);
        return reply('ContinuousMove', '');
      },
    },
    'tptz:Stop': acting('Stop', async ({ camera }) => ptz.stop(camera.path), endMovement),
    'tptz:GetPresets': acting('GetPresets', async ({ camera }) =>
      (await ptz.presets(camera.path))
        .map(({ token, name }) => `<tptz:Preset token="${escapeXml(token)}">${tag('tt:Name', name)}</tptz:Preset>`)
        .join(''),
    ),
    'tptz:GotoPreset': acting(
      'GotoPreset',
      async ({ camera, body }) => ptz.goToPreset(camera.path, presetTokenIn(body)),
      endMovement,
    ),
    'tptz:GotoHomePosition': acting('GotoHomePosition', async ({ camera }) => ptz.goHome(camera.path), endMovement),
    'tptz:GetStatus': acting('GetStatus', async ({ camera }) => {
      const state = movements.isMoving(camera.path) ? 'MOVING' : 'IDLE';
      return (
        `<tptz:PTZStatus><tt:MoveStatus>${tag('tt:PanTilt', state)}${tag('tt:Zoom', state)}</tt:MoveStatus>` +
        `${tag('tt:UtcTime', new Date(deps.clock.wallMs()).toISOString())}</tptz:PTZStatus>`
      );
    }),
    'tptz:AbsoluteMove': { answer: () => Promise.reject(notSupported('AbsoluteMove')) },
    'tptz:RelativeMove': { answer: () => Promise.reject(notSupported('RelativeMove')) },
  };
}

const reply = (operation: string, content: string): string =>
  `<tptz:${operation}Response>${content}</tptz:${operation}Response>`;

function presetTokenIn(body: Call['body']): string {
  const token = findText(body, 'PresetToken');
  if (token === undefined) {
    throw fault('GotoPreset needs a PresetToken', 'InvalidArgVal', 'NoToken');
  }
  return token;
}

/** Repeats a movement until its time is over or Stop arrives. */
class Movements {
  readonly #deps: PtzDeps;
  readonly #running = new Map<string, AbortController>();

  constructor(deps: PtzDeps) {
    this.#deps = deps;
  }

  isMoving(path: string): boolean {
    return this.#running.has(path);
  }

  end(path: string): void {
    this.#running.get(path)?.abort();
    this.#running.delete(path);
  }

  /** @param check rejects if the camera cannot move */
  async move({ camera, body }: Call, check: (path: string) => Promise<unknown>): Promise<void> {
    const { source, clock, log, signal } = this.#deps;
    const { path } = camera;
    const velocity = velocityIn({ body });
    const ms = durationFrom(findText(body, 'Timeout'), clock.wallMs(), MOVE_LIMITS);
    this.end(path);
    // This is set before the first wait, so that a Stop or another movement that arrives meanwhile ends this one.
    const own = new AbortController();
    this.#running.set(path, own);
    let isRepeated = false;
    try {
      await check(path);
      if (own.signal.aborted) {
        return;
      }
      await source.ptz.move(path, velocity);
      isRepeated = !own.signal.aborted && Object.values(velocity).some((value) => value !== 0);
    } finally {
      if (!isRepeated) {
        this.#forget(path, own);
      }
    }
    if (isRepeated) {
      const endsMs = clock.monoMs() + ms;
      void withJoinedSignal([own.signal, signal], undefined, (over) =>
        this.#repeat(path, velocity, endsMs, over.signal),
      )
        .catch((error: unknown) => log.debug({ err: error, path }, 'a movement over ONVIF ended'))
        .finally(() => this.#forget(path, own));
    }
  }

  #forget(path: string, own: AbortController): void {
    if (this.#running.get(path) === own) {
      this.#running.delete(path);
    }
  }

  async #repeat(path: string, velocity: Velocity, endsMs: number, signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#deps;
    for (;;) {
      const leftMs = endsMs - clock.monoMs();
      await clock.sleep(Math.min(REPEAT_MS, Math.max(0, leftMs)), signal);
      if (signal.aborted) {
        return;
      }
      if (leftMs <= REPEAT_MS) {
        await source.ptz.stop(path);
        return;
      }
      await source.ptz.move(path, velocity);
    }
  }
}

interface Velocity {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
}

function velocityIn({ body }: Pick<Call, 'body'>): Velocity {
  const panTilt = find(body, 'Velocity', 'PanTilt');
  const zoom = find(body, 'Velocity', 'Zoom');
  if (!panTilt && !zoom) {
    throw fault('ContinuousMove needs a Velocity with PanTilt or Zoom', 'InvalidArgVal', 'InvalidVelocity');
  }
  const value = (text: string | undefined): number => {
    const number = Number(text ?? 0);
    if (!(number >= -1 && number <= 1)) {
      throw fault(`a velocity of ${text?.slice(0, 20)} is outside -1 to 1`, 'InvalidArgVal', 'InvalidVelocity');
    }
    return number;
  };
  return {
    pan: value(attributeOf(panTilt, 'x')),
    tilt: value(attributeOf(panTilt, 'y')),
    zoom: value(attributeOf(zoom, 'x')),
  };
}
