import { attributeOf, type Call, Fault, findDeep } from '../call.ts';
import type { PtzPosition } from '../ptz-head.ts';
import type { CameraState } from '../state.ts';

const BASE = 'http://www.onvif.org/ver10/tptz/';
const GENERIC = `${BASE}PanTiltSpaces/PositionGenericSpace`;
const DEGREES = `${BASE}PanTiltSpaces/SphericalPositionSpaceDegrees`;
const ZOOM_POSITION = `${BASE}ZoomSpaces/PositionGenericSpace`;
export const FIELD_OF_VIEW = `${BASE}PanTiltSpaces/TranslationSpaceFov`;

const SPACES = ['absolute', 'field of view'] as const;

const range = (axis: 'X' | 'Y', least: number | string, most: number | string = 1): string =>
  `<tt:${axis}Range><tt:Min>${least}</tt:Min><tt:Max>${most}</tt:Max></tt:${axis}Range>`;
const space = (name: string, uri: string, ranges: string): string =>
  `<tt:${name}><tt:URI>${uri}</tt:URI>${ranges}</tt:${name}>`;

const PAN_TILT = space(
  'ContinuousPanTiltVelocitySpace',
  `${BASE}PanTiltSpaces/VelocityGenericSpace`,
  range('X', -1) + range('Y', -1),
);
const ZOOM = space('ContinuousZoomVelocitySpace', `${BASE}ZoomSpaces/VelocityGenericSpace`, range('X', -1));

/** The spaces of a camera in the order of `tt:PTZSpaces`. */
export function spacesOf({ quirks }: CameraState, isOptions = false): string {
  const { spaces: has = SPACES, fieldOfViewRange: end = 1, hasSpacesInOptions, ptz } = quirks;
  const hasZoom = ptz !== 'panTilt';
  const velocities = PAN_TILT + (hasZoom ? ZOOM : '');
  if (hasSpacesInOptions && !isOptions) {
    return velocities;
  }
  const [least, most] = end === 'infinite' ? ['-INF', 'INF'] : [-end, end];
  const isPlaced = has.includes('absolute') || has.includes('degrees');
  return [
    has.includes('degrees')
      ? space('AbsolutePanTiltPositionSpace', DEGREES, range('X', -180, 180) + range('Y', -90, 0))
      : '',
    has.includes('absolute') ? space('AbsolutePanTiltPositionSpace', GENERIC, range('X', -1) + range('Y', -1)) : '',
    isPlaced && hasZoom ? space('AbsoluteZoomPositionSpace', ZOOM_POSITION, range('X', 0)) : '',
    has.includes('field of view')
      ? space('RelativePanTiltTranslationSpace', FIELD_OF_VIEW, range('X', least, most) + range('Y', least, most))
      : '',
    velocities,
  ].join('');
}

/** @throws Fault for the name of a space that the camera does not have, and for a missing speed */
export function checkVector({ quirks }: CameraState, call: Call): void {
  const { spaces: has = SPACES, refusesSpaceNames, wantsMoveSpeed } = quirks;
  const known = [
    ...(has.includes('absolute') ? [GENERIC] : []),
    ...(has.includes('degrees') ? [DEGREES] : []),
    ...(has.includes('field of view') ? [FIELD_OF_VIEW] : []),
    ZOOM_POSITION,
  ];
  const named = [attributeOf(call, 'PanTilt', 'space'), attributeOf(call, 'Zoom', 'space')];
  if (named.some((one) => one !== undefined && (refusesSpaceNames || !known.includes(one)))) {
    throw new Fault('SpaceNotSupported', 'no such space');
  }
  if (wantsMoveSpeed && !findDeep(call.root, 'Speed')) {
    throw new Fault('InvalidArgVal', 'a speed is needed');
  }
}

const isInDegrees = ({ quirks: { spaces: has = SPACES } }: CameraState): boolean =>
  has.includes('degrees') && !has.includes('absolute');

/** A position as the head has it. */
export function readPlace(state: CameraState, call: Call, at: PtzPosition): PtzPosition {
  const uri = attributeOf(call, 'PanTilt', 'space');
  const inDegrees = uri === DEGREES || (uri === undefined && isInDegrees(state));
  return inDegrees ? { ...at, x: at.x / 180, y: at.y / 45 + 1 } : at;
}

/** `tt:Position` of the status. */
export function writePlace(state: CameraState, { x, y, zoom }: PtzPosition): string {
  const panTilt = isInDegrees(state)
    ? `<tt:PanTilt x="${x * 180}" y="${(y - 1) * 45}" space="${DEGREES}"/>`
    : `<tt:PanTilt x="${x}" y="${y}" space="${GENERIC}"/>`;
  const lens = state.quirks.ptz === 'panTilt' ? '' : `<tt:Zoom x="${zoom}" space="${ZOOM_POSITION}"/>`;
  return `<tt:Position>${panTilt}${lens}</tt:Position>`;
}
