import type { Clock } from '../base/clock.ts';
import { PerchError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { attributeOf, escapeXml, find, findText } from '../onvif/soap/xml/xml.ts';
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

/** A movement lasts two seconds in Perch: a longer one is repeated. */
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

/** ONVIF PTZ: movements and presets of the camera behind a path. Presets are used, not changed. */
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
  /** For a profile of a camera that moves. */
  const acting = (operation: string, act: (call: Call) => Promise<unknown>) => ({
    answer: async (call: Call) => {
      findProfile(call.camera, findText(call.body, 'ProfileToken'), source);
      await axesOf(call.camera.path);
      const content = await act(call);
      return reply(operation, typeof content === 'string' ? content : '');
    },
  });
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
    'tptz:ContinuousMove': acting('ContinuousMove', async (call) => movements.move(call)),
    'tptz:Stop': acting('Stop', async ({ camera }) => {
      movements.end(camera.path);
      await ptz.stop(camera.path);
    }),
    'tptz:GetPresets': acting('GetPresets', async ({ camera }) =>
      (await ptz.presets(camera.path))
        .map(({ token, name }) => `<tptz:Preset token="${escapeXml(token)}">${tag('tt:Name', name)}</tptz:Preset>`)
        .join(''),
    ),
    'tptz:GotoPreset': acting('GotoPreset', async ({ camera, body }) => {
      const token = findText(body, 'PresetToken');
      if (token === undefined) {
        throw fault('GotoPreset needs a PresetToken', 'InvalidArgVal', 'NoToken');
      }
      movements.end(camera.path);
      await ptz.goToPreset(camera.path, token);
    }),
    'tptz:GotoHomePosition': acting('GotoHomePosition', async ({ camera }) => {
      movements.end(camera.path);
      await ptz.goHome(camera.path);
    }),
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

/** Repeats a movement until its time is over, or Stop. */
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

  async move({ camera, body }: Call): Promise<void> {
    const { source, clock, log, signal } = this.#deps;
    const { path } = camera;
    const velocity = velocityIn({ body });
    const ms = durationFrom(findText(body, 'Timeout'), clock.wallMs(), MOVE_LIMITS);
    this.end(path);
    await source.ptz.move(path, velocity);
    const isStill = Object.values(velocity).every((value) => value === 0);
    if (isStill) {
      return;
    }
    const own = new AbortController();
    this.#running.set(path, own);
    const over = AbortSignal.any([own.signal, signal]);
    void this.#repeat(path, velocity, clock.monoMs() + ms, over)
      .catch((error: unknown) => log.debug({ err: error, path }, 'a movement over ONVIF ended'))
      .finally(() => {
        if (this.#running.get(path) === own) {
          this.#running.delete(path);
        }
      });
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
