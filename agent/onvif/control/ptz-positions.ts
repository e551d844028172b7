import { ignoreExpected } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { escapeXml, find } from '../soap/xml/xml.ts';
import type { PtzNode } from './ptz-calls.ts';
import {
  centeredPosition,
  type PtzPosition,
  type PtzSpaces,
  readPosition,
  readSpaces,
  writePosition,
  writeShift,
} from './ptz-spaces.ts';
import type { Way, Ways } from './ways.ts';

/** The spaces of a node. Some cameras state them, or the field of view, in the options of the configuration alone. */
export async function readAllSpaces(session: OnvifSession, { configuration, spaces }: PtzNode): Promise<PtzSpaces> {
  if (spaces.fieldOfView || configuration === undefined) {
    return spaces;
  }
  const body =
    `<tptz:GetConfigurationOptions><tptz:ConfigurationToken>${escapeXml(configuration)}</tptz:ConfigurationToken>` +
    '</tptz:GetConfigurationOptions>';
  // Some cameras do not reply to what they do not know.
  const options = await session.call('ptz', body, 'GetConfigurationOptionsResponse').catch(ignoreExpected);
  const more = readSpaces(find(options, 'PTZConfigurationOptions', 'Spaces'));
  return {
    panTilt: spaces.panTilt.length > 0 ? spaces.panTilt : more.panTilt,
    zoom: spaces.zoom.length > 0 ? spaces.zoom : more.zoom,
    fieldOfView: more.fieldOfView,
  };
}

/** GetStatus. @throws PerchError notSupported if the camera reports no position */
export async function position(session: OnvifSession, { profile, spaces }: PtzNode): Promise<PtzPosition> {
  const body = `<tptz:GetStatus><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken></tptz:GetStatus>`;
  const status = await session.call('ptz', body, 'GetStatusResponse');
  const now = readPosition(find(status, 'PTZStatus', 'Position'), spaces);
  if (!now) {
    throw cameraError('notSupported', 'the camera does not report its position', { host: session.host });
  }
  return now;
}

/** How a camera brings a point of the picture to the centre; undefined: it cannot. */
export async function centeringOf(session: OnvifSession, node: PtzNode): Promise<'exact' | 'estimated' | undefined> {
  const { panTilt, fieldOfView } = node.spaces;
  if (fieldOfView) {
    return 'exact';
  }
  const now = panTilt.length > 0 ? await unlessFault(position(session, node)) : undefined;
  return now?.pan == null || now.tilt === null ? undefined : 'estimated';
}

/** Moves to a position; absent axes stay. */
export async function moveTo(
  session: OnvifSession,
  ways: Ways,
  node: PtzNode,
  wanted: Partial<Readonly<Record<keyof PtzPosition, number | undefined>>>,
): Promise<void> {
  const { pan = null, tilt = null, zoom = null } = wanted;
  // Pan and tilt are one element: the missing one stays where it is.
  const now = (pan === null) === (tilt === null) ? undefined : await position(session, node);
  await goTo(session, ways, node, { pan: pan ?? now?.pan ?? null, tilt: tilt ?? now?.tilt ?? null, zoom });
}

/** AbsoluteMove as such, without names of spaces, with a speed, or axis by axis. */
async function goTo(session: OnvifSession, ways: Ways, node: PtzNode, to: PtzPosition): Promise<void> {
  const { spaces } = node;
  const go = (at: PtzPosition, isNamed: boolean, speed = '') =>
    move(session, node, 'AbsoluteMove', 'Position', writePosition(at, spaces, isNamed), speed);
  const hasBoth = to.pan !== null && to.zoom !== null;
  const byAxis: Way<unknown> = [
    'axis by axis',
    async () => {
      await go({ ...to, zoom: null }, false);
      await go({ pan: null, tilt: null, zoom: to.zoom }, false);
    },
  ];
  await ways.use<unknown>('position', [
    ['with spaces', () => go(to, true)],
    ['without spaces', () => go(to, false)],
    ['with Speed', () => go(to, true, speedOf(to.pan !== null, to.zoom !== null))],
    ...(hasBoth ? [byAxis] : []),
  ]);
}

/**
 * Brings a point of the picture to the centre: by the camera's field of view, else to the position that an estimate gives.
 * @param x, y shares of the picture from its top left
 */
export async function center(session: OnvifSession, ways: Ways, node: PtzNode, x: number, y: number): Promise<void> {
  const { spaces, aspect } = node;
  const { fieldOfView } = spaces;
  const shift = (space: NonNullable<typeof fieldOfView>, speed = '') =>
    move(session, node, 'RelativeMove', 'Translation', writeShift(space, x, y), speed);
  const estimated: Way<unknown> = [
    'position',
    async () => {
      const now = await position(session, node);
      if (now.pan === null || now.tilt === null) {
        throw cameraError('notSupported', 'the camera does not report where it looks', { host: session.host });
      }
      await goTo(session, ways, node, centeredPosition(now, spaces, x, y, aspect));
    },
  ];
  if (!fieldOfView && spaces.panTilt.length === 0) {
    throw cameraError('notSupported', 'the camera cannot be centred on a point of its picture', { host: session.host });
  }
  await ways.use<unknown>('center', [
    ...(fieldOfView
      ? [
          ['field of view', () => shift(fieldOfView)] as const,
          ['with Speed', () => shift(fieldOfView, speedOf(true, false))] as const,
        ]
      : []),
    ...(spaces.panTilt.length > 0 ? [estimated] : []),
  ]);
}

const speedOf = (turns: boolean, zooms: boolean): string =>
  `<tptz:Speed>${turns ? '<tt:PanTilt x="1" y="1"/>' : ''}${zooms ? '<tt:Zoom x="1"/>' : ''}</tptz:Speed>`;

const move = (
  session: OnvifSession,
  { profile }: PtzNode,
  operation: 'RelativeMove' | 'AbsoluteMove',
  argument: 'Translation' | 'Position',
  vector: string,
  speed: string,
): Promise<unknown> =>
  session.call(
    'ptz',
    `<tptz:${operation}><tptz:ProfileToken>${escapeXml(profile)}</tptz:ProfileToken>` +
      `<tptz:${argument}>${vector}</tptz:${argument}>${speed}</tptz:${operation}>`,
    `${operation}Response`,
  );
