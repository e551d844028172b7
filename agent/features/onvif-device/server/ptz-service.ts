import type { XmlElement } from '@rgrove/parse-xml';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { withJoinedSignal } from '../../../base/joined-signal.ts';
import type { Logger } from '../../../base/log.ts';
import { attributeOf, escapeXml, find, findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, GenericPosition, OnvifSource, Operations } from './contract.ts';
import { durationFrom } from './durations.ts';
import { findProfile } from './profiles.ts';
import {
  DEFAULT_MOVE_MS,
  PAN_TILT_POSITION,
  type PtzAxes,
  type PtzLookup,
  ptzConfiguration,
  ptzNode,
  ptzOptions,
  ZOOM_POSITION,
} from './ptz-configuration.ts';
import { Journeys, Positions } from './ptz-positions.ts';
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

/** The ONVIF PTZ service: movements, positions and presets of the camera behind a path. It does not change presets. */
export function ptzOperations(deps: PtzDeps): Operations {
  const { source, lookup } = deps;
  const movements = new Movements(deps);
  const journeys = new Journeys(deps.clock);
  const positions = new Positions(deps);
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
  const endMovement = (path: string) => {
    movements.end(path);
    journeys.end(path);
  };
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
        journeys.end(call.camera.path);
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
      const isTurning = movements.isMoving(camera.path);
      const { hasAbsolute } = await axesOf(camera.path);
      const at = hasAbsolute ? await positions.of(camera.path) : undefined;
      const state = isTurning || journeys.isMoving(camera.path, at) ? 'MOVING' : 'IDLE';
      return (
        `<tptz:PTZStatus>${at ? positionText(at) : ''}<tt:MoveStatus>${tag('tt:PanTilt', state)}${tag('tt:Zoom', state)}</tt:MoveStatus>` +
        `${tag('tt:UtcTime', new Date(deps.clock.wallMs()).toISOString())}</tptz:PTZStatus>`
      );
    }),
    'tptz:AbsoluteMove': acting('AbsoluteMove', async ({ camera: { path }, body }) => {
      const position = positionIn(body);
      // A move that is refused ends no movement; one that arrives meanwhile replaces this one.
      const before = movements.now(path);
      if (!(await axesOf(path)).hasAbsolute) {
        throw notSupported('AbsoluteMove of this camera');
      }
      if (movements.now(path) === before) {
        endMovement(path);
      }
      await ptz.moveTo(path, position);
      journeys.begin(path);
    }),
    'tptz:RelativeMove': { answer: () => Promise.reject(notSupported('RelativeMove')) },
  };
}

const reply = (operation: string, content: string): string =>
  `<tptz:${operation}Response>${content}</tptz:${operation}Response>`;

function positionText({ pan, tilt, zoom }: GenericPosition<null>): string {
  const turn = pan === null || tilt === null ? '' : `<tt:PanTilt x="${pan}" y="${tilt}" space="${PAN_TILT_POSITION}"/>`;
  const lens = zoom === null ? '' : `<tt:Zoom x="${zoom}" space="${ZOOM_POSITION}"/>`;
  return turn + lens === '' ? '' : `<tt:Position>${turn}${lens}</tt:Position>`;
}

/** A position in generic spaces, with the axes that the request has. */
function positionIn(body: Call['body']): Partial<GenericPosition<never>> {
  const panTilt = find(body, 'Position', 'PanTilt');
  const zoom = find(body, 'Position', 'Zoom');
  if (!panTilt && !zoom) {
    throw fault('AbsoluteMove needs a Position with PanTilt or Zoom', 'InvalidArgVal', 'InvalidPosition');
  }
  for (const [vector, space] of [
    [panTilt, PAN_TILT_POSITION],
    [zoom, ZOOM_POSITION],
  ] as const) {
    if ((attributeOf(vector, 'space') ?? space) !== space) {
      throw fault('positions are in the generic space', 'InvalidArgVal', 'SpaceNotSupported');
    }
  }
  return {
    ...(panTilt && {
      pan: shareIn(panTilt, 'PanTilt', 'x', 'pan', -1),
      tilt: shareIn(panTilt, 'PanTilt', 'y', 'tilt', -1),
    }),
    ...(zoom && { zoom: shareIn(zoom, 'Zoom', 'x', 'zoom', 0) }),
  };
}

function shareIn(vector: XmlElement, element: string, attribute: string, axis: string, least: number): number {
  const text = attributeOf(vector, attribute)?.trim() ?? '';
  if (text === '') {
    throw fault(`${element} needs ${attribute}`, 'InvalidArgVal', 'InvalidPosition');
  }
  const number = Number(text);
  if (!(number >= least && number <= 1)) {
    throw fault(`a ${axis} of ${text.slice(0, 20)} is outside ${least} to 1`, 'InvalidArgVal', 'InvalidPosition');
  }
  return number;
}

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

  /** Which movement runs, to compare. */
  now(path: string): object | undefined {
    return this.#running.get(path);
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
