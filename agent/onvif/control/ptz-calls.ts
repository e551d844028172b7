import type { XmlElement } from '@rgrove/parse-xml';
import { listProfiles } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { sendRequest } from '../device/requests.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findNumber, findText, plainLine } from '../soap/xml/xml.ts';
import { type PtzSpaces, readSpaces } from './ptz-spaces.ts';
import type { Way, Ways } from './ways.ts';

/** Timeout in ContinuousMove: the camera ends the move itself if Perch's Stop is lost. */
const MOVE_TIMEOUT_S = 3;
const MAX_PRESETS = 512;

/** Speeds from -1 to 1 to the right, up and in; an omitted axis stands still. */
export interface Velocity {
  readonly pan?: number | undefined;
  readonly tilt?: number | undefined;
  readonly zoom?: number | undefined;
}

export interface Preset {
  readonly token: string;
  /** From the camera: one line, escape where shown. */
  readonly name: string;
}

export interface PtzAbilities {
  readonly hasPanTilt: boolean;
  readonly hasZoom: boolean;
  /** Undefined: the camera does not say. */
  readonly hasHome: boolean | undefined;
  readonly mostPresets: number | undefined;
}

/** The axes of a camera and its PTZ profile, read once per session. */
export interface PtzNode extends PtzAbilities {
  readonly profile: string;
  /** Token of the profile's PTZ configuration. */
  readonly configuration: string | undefined;
  /** As the node states them. */
  readonly spaces: PtzSpaces;
  /** Height of the picture by its width. */
  readonly aspect: number;
  /** Auxiliary commands of the node. */
  readonly commands: readonly string[];
}

const USUAL_ASPECT = 9 / 16;

export async function readPtzNode(session: OnvifSession, profile: string | undefined): Promise<PtzNode> {
  const { token, ptz, width, height } = await ptzProfile(session, profile);
  const response = await unlessFault(session.call('ptz', '<tptz:GetNodes/>', 'GetNodesResponse'));
  const nodes = elements(response, 'PTZNode');
  const node = nodes.find((one) => attributeOf(one, 'token') === ptz?.node) ?? nodes[0];
  const stated = elements(find(node, 'SupportedPTZSpaces'));
  const hasSpace = (axis: string): boolean => stated.some(({ name }) => name.includes(axis));
  const isStated = stated.length > 0;
  const home = findText(node, 'HomeSupported')?.toLowerCase();
  return {
    profile: token,
    // Without information all axes are assumed; the camera rejects a missing one.
    hasPanTilt: ptz?.hasPanTilt ?? (isStated ? hasSpace('PanTilt') : true),
    hasZoom: ptz?.hasZoom ?? (isStated ? hasSpace('Zoom') : true),
    hasHome: home === undefined ? undefined : home === 'true' || home === '1',
    mostPresets: findNumber(node, 'MaximumNumberOfPresets'),
    configuration: ptz?.token,
    spaces: readSpaces(find(node, 'SupportedPTZSpaces')),
    aspect: width === undefined || height === undefined ? USUAL_ASPECT : height / width,
    commands: elements(node, 'AuxiliaryCommands').flatMap((one) => findText(one) ?? []),
  };
}

/** The PTZ profile for the video source of a path's profile. Not every profile of a source has PTZ; another source is another camera. */
async function ptzProfile(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profiles = session.has('ptz') ? await listProfiles(session) : [];
  const own = profiles.find((one) => one.token === token);
  const turning = profiles.filter(({ ptz }) => ptz !== undefined);
  const profile =
    turning.find((one) => one.token === token) ??
    turning.find((one) => !own || (one.videoSource === own.videoSource && own.videoSource !== undefined));
  if (!profile) {
    throw cameraError('notSupported', 'this camera has no pan, tilt or zoom', { host: session.host });
  }
  return profile;
}

/** Moves the camera; velocities as in ContinuousMove (ONVIF PTZ §5.3.3), with the given axes only: some cameras reject axes that they lack. */
export async function startMoving(
  session: OnvifSession,
  ways: Ways,
  profile: string,
  velocity: Velocity,
): Promise<void> {
  const { pan, tilt, zoom } = velocity;
  const turn = pan === undefined && tilt === undefined ? undefined : { pan, tilt };
  const isBoth = turn !== undefined && zoom !== undefined;
  const move = (axes: Velocity, hasTimeout: boolean) => continuousMove(session, profile, axes, { hasTimeout });
  const isTurning = Object.values(velocity).some((speed) => speed !== 0);
  const byStep: readonly Way<unknown>[] = [
    ['RelativeMove', () => stepMove(session, profile, 'RelativeMove', 'Translation', stepOf(velocity))],
    ['AbsoluteMove', async () => absoluteMove(session, profile, await nextPosition(session, profile, velocity))],
  ];
  await ways.use<unknown>('move', [
    ['with Timeout', () => move(velocity, true)],
    ['without Timeout', () => move(velocity, false)],
    ...(isBoth ? [['axis by axis', () => eachAxis(velocity, (axes) => move(axes, false))] as const] : []),
    ...(isTurning ? byStep : []),
  ]);
}

/** Moves the axes separately, so that one that the camera refuses does not stop the other. @throws PerchError if it refuses both */
async function eachAxis({ pan, tilt, zoom }: Velocity, move: (axes: Velocity) => Promise<unknown>): Promise<void> {
  const [turned, zoomed] = await Promise.allSettled([move({ pan, tilt }), move({ zoom })]);
  if (turned.status === 'rejected' && zoomed.status === 'rejected') {
    throw turned.reason;
  }
}

interface MoveOptions {
  readonly hasTimeout: boolean;
  readonly isUrgent?: boolean;
}

async function continuousMove(
  session: OnvifSession,
  profile: string,
  velocity: Velocity,
  { hasTimeout, isUrgent = false }: MoveOptions,
): Promise<void> {
  const timeout = hasTimeout ? `<tptz:Timeout>PT${MOVE_TIMEOUT_S}S</tptz:Timeout>` : '';
  await session.call(
    'ptz',
    `<tptz:ContinuousMove><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
      `<tptz:Velocity>${vectorOf(velocity)}</tptz:Velocity>${timeout}</tptz:ContinuousMove>`,
    'ContinuousMoveResponse',
    { isUrgent },
  );
}

function vectorOf({ pan, tilt, zoom }: Velocity): string {
  const panTilt = pan === undefined && tilt === undefined ? '' : `<tt:PanTilt x="${number(pan)}" y="${number(tilt)}"/>`;
  return `${panTilt}${zoom === undefined ? '' : `<tt:Zoom x="${number(zoom)}"/>`}`;
}

const number = (value = 0): string => String(Math.round(value * 1000) / 1000);

/** Share of the whole range that a camera without ContinuousMove moves a second at full speed: a crossing takes ten. */
const STEP = 0.2;
const stepOf = (velocity: Velocity): Velocity =>
  Object.fromEntries(
    Object.entries(velocity).flatMap(([axis, speed]) => (speed === undefined ? [] : [[axis, speed * STEP]])),
  );

const stepMove = (
  session: OnvifSession,
  profile: string,
  operation: 'RelativeMove' | 'AbsoluteMove',
  argument: 'Translation' | 'Position',
  vector: Velocity,
): Promise<unknown> =>
  session.call(
    'ptz',
    `<tptz:${operation}><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
      `<tptz:${argument}>${vectorOf(vector)}</tptz:${argument}></tptz:${operation}>`,
    `${operation}Response`,
  );

const absoluteMove = (session: OnvifSession, profile: string, position: Velocity): Promise<unknown> =>
  stepMove(session, profile, 'AbsoluteMove', 'Position', position);

/** A step from the present position, with the axes that move. */
async function nextPosition(session: OnvifSession, profile: string, velocity: Velocity): Promise<Velocity> {
  const body = `<tptz:GetStatus><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken></tptz:GetStatus>`;
  const now = positionOf(find(await session.call('ptz', body, 'GetStatusResponse'), 'PTZStatus', 'Position'));
  const step = stepOf(velocity);
  const next = (axis: keyof Velocity, least: number): number =>
    Math.min(1, Math.max(least, (now?.[axis] ?? 0) + (step[axis] ?? 0)));
  if (!now) {
    throw cameraError('notSupported', 'the camera does not report its position', { host: session.host });
  }
  return {
    ...(step.pan === undefined && step.tilt === undefined ? {} : { pan: next('pan', -1), tilt: next('tilt', -1) }),
    ...(step.zoom === undefined ? {} : { zoom: next('zoom', 0) }),
  };
}

function positionOf(element: XmlElement | undefined): Velocity | undefined {
  const axis = (name: string, attribute: string) => {
    const text = attributeOf(find(element, name), attribute);
    return text === undefined || !Number.isFinite(Number(text)) ? undefined : Number(text);
  };
  const position = { pan: axis('PanTilt', 'x'), tilt: axis('PanTilt', 'y'), zoom: axis('Zoom', 'x') };
  return Object.values(position).some((value) => value !== undefined) ? position : undefined;
}

export async function stopMoving(
  session: OnvifSession,
  ways: Ways,
  { profile, hasPanTilt, hasZoom }: PtzNode,
): Promise<void> {
  const stop = (axes: string) =>
    session.call(
      'ptz',
      `<tptz:Stop><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>${axes}</tptz:Stop>`,
      'StopResponse',
      { isUrgent: true },
    );
  const still = (axes: Velocity) => continuousMove(session, profile, axes, { hasTimeout: false, isUrgent: true });
  const none = { ...(hasPanTilt ? { pan: 0, tilt: 0 } : {}), ...(hasZoom ? { zoom: 0 } : {}) };
  const panTilt = hasPanTilt ? '<tptz:PanTilt>true</tptz:PanTilt>' : '';
  await ways.use<unknown>('stop', [
    ['Stop', () => stop(`${panTilt}${hasZoom ? '<tptz:Zoom>true</tptz:Zoom>' : ''}`)],
    ['ContinuousMove', () => still(none)],
    // Without axes: all.
    ['Stop of all', () => stop('')],
    ['axis by axis', () => eachAxis({ pan: 0, tilt: 0, zoom: 0 }, still)],
  ]);
}

interface PositionedPreset extends Preset {
  readonly position: Velocity | undefined;
}

export async function listPresets(session: OnvifSession, profile: string): Promise<Preset[]> {
  return (await positionedPresets(session, profile)).map(({ token, name }) => ({ token, name }));
}

async function positionedPresets(session: OnvifSession, profile: string): Promise<PositionedPreset[]> {
  const response = await sendRequest(session, ({ ptz }) => ptz.getPresets({ ProfileToken: escapeXml(profile) }));
  return elements(response, 'Preset')
    .slice(0, MAX_PRESETS)
    .flatMap((element) => {
      const token = attributeOf(element, 'token');
      const name = plainLine(findText(element, 'Name')) ?? token ?? '';
      return token === undefined ? [] : [{ token, name, position: positionOf(find(element, 'PTZPosition')) }];
    });
}

/** GotoPreset as such, with a speed, or to the preset's position. */
export async function goToPreset(session: OnvifSession, ways: Ways, profile: string, token: string): Promise<void> {
  const go = (speed: string) =>
    session.call(
      'ptz',
      `<tptz:GotoPreset><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
        `<tptz:PresetToken>${escapeXml(token)}</tptz:PresetToken>${speed}</tptz:GotoPreset>`,
      'GotoPresetResponse',
    );
  await ways.use<unknown>('preset', [
    ['GotoPreset', () => go('')],
    ['with Speed', () => go(`<tptz:Speed>${vectorOf({ pan: 1, tilt: 1, zoom: 1 })}</tptz:Speed>`)],
    [
      'AbsoluteMove',
      async () => {
        const position = (await positionedPresets(session, profile)).find((one) => one.token === token)?.position;
        if (!position) {
          throw cameraError('notSupported', 'the camera does not go to presets', { host: session.host });
        }
        return absoluteMove(session, profile, position);
      },
    ],
  ]);
}

/** Names and tokens of the preset that serves as home where there is no home: makers use the first one. */
const HOMES = [/^home\b/i, /^(?:preset[ _]?)?0*1$/i];

export async function goHome(session: OnvifSession, ways: Ways, profile: string): Promise<void> {
  await ways.use<unknown>('home', [
    [
      'GotoHomePosition',
      () => sendRequest(session, ({ ptz }) => ptz.gotoHomePosition({ ProfileToken: escapeXml(profile) })),
    ],
    [
      'preset',
      async () => {
        const presets = await listPresets(session, profile);
        const home = HOMES.flatMap(
          (pattern) => presets.find(({ token, name }) => pattern.test(name) || pattern.test(token)) ?? [],
        )[0];
        if (!home) {
          throw cameraError('notSupported', 'the camera has no home position', { host: session.host });
        }
        return goToPreset(session, ways, profile, home.token);
      },
    ],
  ]);
}

/** @param token of the preset to replace; some cameras want one for a new preset, too, and some take no name */
export async function setPreset(
  session: OnvifSession,
  ways: Ways,
  { profile, mostPresets = MAX_PRESETS }: PtzNode,
  name: string,
  token: string | undefined,
): Promise<string> {
  const set = async (named: string | undefined, at: string | undefined): Promise<string> => {
    const inner =
      (named === undefined ? '' : `<tptz:PresetName>${escapeXml(named)}</tptz:PresetName>`) +
      (at === undefined ? '' : `<tptz:PresetToken>${escapeXml(at)}</tptz:PresetToken>`);
    const response = await session.call(
      'ptz',
      `<tptz:SetPreset><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>${inner}</tptz:SetPreset>`,
      'SetPresetResponse',
    );
    const given = plainLine(findText(response, 'PresetToken')) ?? at;
    if (given === undefined) {
      throw cameraError('badReply', 'the camera does not say which preset it has set', { host: session.host });
    }
    return given;
  };
  const free = async (): Promise<string> => {
    const taken = new Set((await listPresets(session, profile)).map((preset) => preset.token));
    const number = Array.from({ length: mostPresets }, (_, i) => `${i + 1}`).find((one) => !taken.has(one));
    if (taken.size >= mostPresets || number === undefined) {
      throw cameraError('notSupported', `the camera has all its ${mostPresets} presets`, { host: session.host });
    }
    return number;
  };
  return ways.use<string>('set preset', [
    ['name', () => set(name, token)],
    ...(token === undefined ? [['name and number', async () => set(name, await free())] as const] : []),
    ['no name', () => set(undefined, token)],
    ...(token === undefined ? [['number', async () => set(undefined, await free())] as const] : []),
  ]);
}
