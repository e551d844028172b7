import { listProfiles } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { sendRequest } from '../device/requests.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findNumber, findText, plainLine } from '../soap/xml/xml.ts';

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
}

export async function readPtzNode(session: OnvifSession, profile: string | undefined): Promise<PtzNode> {
  const { token, ptz } = await ptzProfile(session, profile);
  const response = await unlessFault(session.call('ptz', '<tptz:GetNodes/>', 'GetNodesResponse'));
  const nodes = elements(response, 'PTZNode');
  const node = nodes.find((one) => attributeOf(one, 'token') === ptz?.node) ?? nodes[0];
  const spaces = find(node, 'SupportedPTZSpaces');
  const hasSpace = (axis: string): boolean => elements(spaces).some(({ name }) => name.includes(axis));
  const isStated = elements(spaces).length > 0;
  const home = findText(node, 'HomeSupported')?.toLowerCase();
  return {
    profile: token,
    // Without information all axes are assumed; the camera rejects a missing one.
    hasPanTilt: ptz?.hasPanTilt ?? (isStated ? hasSpace('PanTilt') : true),
    hasZoom: ptz?.hasZoom ?? (isStated ? hasSpace('Zoom') : true),
    hasHome: home === undefined ? undefined : home === 'true' || home === '1',
    mostPresets: findNumber(node, 'MaximumNumberOfPresets'),
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

/**
 * ContinuousMove (ONVIF PTZ §5.3.3) with the given axes only: some cameras reject axes that they lack.
 * @param takesTimeout false for cameras that reject the Timeout element
 */
export async function continuousMove(
  session: OnvifSession,
  profile: string,
  { pan, tilt, zoom }: Velocity,
  takesTimeout: boolean,
): Promise<void> {
  const panTilt = pan === undefined && tilt === undefined ? '' : `<tt:PanTilt x="${number(pan)}" y="${number(tilt)}"/>`;
  const zooming = zoom === undefined ? '' : `<tt:Zoom x="${number(zoom)}"/>`;
  const timeout = takesTimeout ? `<tptz:Timeout>PT${MOVE_TIMEOUT_S}S</tptz:Timeout>` : '';
  await session.call(
    'ptz',
    `<tptz:ContinuousMove><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
      `<tptz:Velocity>${panTilt}${zooming}</tptz:Velocity>${timeout}</tptz:ContinuousMove>`,
    'ContinuousMoveResponse',
  );
}

const number = (value = 0): string => String(Math.round(value * 1000) / 1000);

export async function stopMoving(session: OnvifSession, { profile, hasPanTilt, hasZoom }: PtzNode): Promise<void> {
  const stop = (axes: string) =>
    session.call(
      'ptz',
      `<tptz:Stop><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>${axes}</tptz:Stop>`,
      'StopResponse',
      { isUrgent: true },
    );
  const panTilt = hasPanTilt ? '<tptz:PanTilt>true</tptz:PanTilt>' : '';
  if (!(await unlessFault(stop(`${panTilt}${hasZoom ? '<tptz:Zoom>true</tptz:Zoom>' : ''}`)))) {
    // Without axes: all.
    await stop('');
  }
}

export async function listPresets(session: OnvifSession, profile: string): Promise<Preset[]> {
  const response = await sendRequest(session, ({ ptz }) => ptz.getPresets({ ProfileToken: escapeXml(profile) }));
  return elements(response, 'Preset')
    .slice(0, MAX_PRESETS)
    .flatMap((element) => {
      const token = attributeOf(element, 'token');
      return token === undefined ? [] : [{ token, name: plainLine(findText(element, 'Name')) ?? token }];
    });
}

export async function setPreset(
  session: OnvifSession,
  profile: string,
  name: string,
  token: string | undefined,
): Promise<string> {
  const preset = { ProfileToken: escapeXml(profile), PresetName: escapeXml(name) };
  const response = await sendRequest(session, ({ ptz }) =>
    ptz.setPreset(token === undefined ? preset : { ...preset, PresetToken: escapeXml(token) }),
  );
  const set = plainLine(findText(response, 'PresetToken')) ?? token;
  if (set === undefined) {
    throw cameraError('badReply', 'the camera does not say which preset it has set', { host: session.host });
  }
  return set;
}
