import type { XmlElement } from '@rgrove/parse-xml';
import { isOperationFault } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { elementOf, requestsOf } from '../device/requests.ts';
import { cameraError } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findNumber, findText, plainLine } from '../soap/xml/xml.ts';
import type { Preset, PtzAbilities, Velocity } from './control.ts';

/** The camera ends a move itself if Perch's stop is lost. */
const MOVE_TIMEOUT_S = 3;
const MAX_PRESETS = 512;

/** What moves; read once per session. */
export interface PtzNode extends PtzAbilities {
  readonly profile: string;
}

export async function readPtzNode(session: OnvifSession, profile: CameraProfile): Promise<PtzNode> {
  const { token, ptz } = profile;
  const node = await readNode(session, ptz?.node);
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

async function readNode(session: OnvifSession, token: string | undefined): Promise<XmlElement | undefined> {
  try {
    const response = await session.call('ptz', '<tptz:GetNodes/>', 'GetNodesResponse');
    const nodes = elements(response, 'PTZNode');
    return nodes.find((node) => attributeOf(node, 'token') === token) ?? nodes[0];
  } catch (error) {
    if (isOperationFault(error)) {
      return undefined;
    }
    throw error;
  }
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
  try {
    await stop(`${panTilt}${hasZoom ? '<tptz:Zoom>true</tptz:Zoom>' : ''}`);
  } catch (error) {
    if (!isOperationFault(error)) {
      throw error;
    }
    // Without axes: all.
    await stop('');
  }
}

export async function listPresets(session: OnvifSession, profile: string): Promise<Preset[]> {
  const { ptz } = await requestsOf(session);
  const response = await elementOf(ptz.getPresets({ ProfileToken: escapeXml(profile) }));
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
  const { ptz } = await requestsOf(session);
  const response = await elementOf(
    ptz.setPreset({
      ProfileToken: escapeXml(profile),
      PresetName: escapeXml(name),
      ...(token === undefined ? {} : { PresetToken: escapeXml(token) }),
    }),
  );
  const set = plainLine(findText(response, 'PresetToken')) ?? token;
  if (set === undefined) {
    throw cameraError('badReply', 'the camera does not say which preset it has set', { host: session.host });
  }
  return set;
}
