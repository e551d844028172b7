import type { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findNumber, findText } from '../soap/xml/xml.ts';

const MAX_MASKS = 64;
const MAX_POINTS = 64;
const RECTANGLE_POINTS = 4;

/** Position as shares of the picture's width and height, from its upper left corner. */
type Point = readonly [x: number, y: number];

interface Mask {
  readonly token: string;
  readonly points: readonly Point[];
  readonly isEnabled: boolean;
}

/** Areas that the camera covers in its picture (ONVIF Media 2 §5.13). */
export interface Masks {
  readonly maxMasks: number;
  readonly maxPoints: number;
  /** Rectangles with edges parallel to those of the picture. */
  readonly isRectangleOnly: boolean;
  readonly masks: readonly Mask[];
}

interface MaskState extends Masks {
  readonly source: string;
  readonly types: readonly string[];
  readonly elements: readonly XmlElement[];
}

/** @returns undefined if the camera has no masks */
export async function readMasks(session: OnvifSession, profile: CameraProfile): Promise<Masks | undefined> {
  const state = await readState(session, profile);
  return state && masksJson(state);
}

/** Creates a mask, or moves the one of this token. */
export async function setMask(
  session: OnvifSession,
  profile: CameraProfile,
  { token, points }: { readonly token?: string | undefined; readonly points: readonly Point[] },
): Promise<void> {
  const state = await required(session, profile);
  checkPoints(points, state, session.host);
  const known = token === undefined ? undefined : knownMask(state, token, session.host);
  if (!known && state.masks.length >= state.maxMasks) {
    throw complaint('badInput', `the camera has ${state.maxMasks} masks, its maximum`, session.host);
  }
  const name = known ? 'SetMask' : 'CreateMask';
  const type = findText(known, 'Type') ?? (state.types.includes('Color') ? 'Color' : (state.types[0] ?? 'Color'));
  const polygon = points.map(([x, y]) => `<tt:Point x="${onvifText(2 * x - 1)}" y="${onvifText(1 - 2 * y)}"/>`);
  const mask =
    `<tr2:Mask token="${escapeXml(token ?? '')}"><tr2:ConfigurationToken>${escapeXml(state.source)}</tr2:ConfigurationToken>` +
    `<tr2:Polygon>${polygon.join('')}</tr2:Polygon><tr2:Type>${escapeXml(type)}</tr2:Type>` +
    `${colorOf(known)}<tr2:Enabled>true</tr2:Enabled></tr2:Mask>`;
  await session.call('media2', `<tr2:${name}>${mask}</tr2:${name}>`, `${name}Response`);
}

export async function removeMask(session: OnvifSession, profile: CameraProfile, token: string): Promise<void> {
  knownMask(await required(session, profile), token, session.host);
  const body = `<tr2:DeleteMask><tr2:Token>${escapeXml(token)}</tr2:Token></tr2:DeleteMask>`;
  await session.call('media2', body, 'DeleteMaskResponse');
}

async function readState(session: OnvifSession, profile: CameraProfile): Promise<MaskState | undefined> {
  const { sourceConfiguration: source } = profile;
  // Media 1 has no masks. Its profiles name the same configurations of the picture.
  if (!session.has('media2') || source === undefined) {
    return undefined;
  }
  const ask = (name: string) => {
    const body = `<tr2:${name}><tr2:ConfigurationToken>${escapeXml(source)}</tr2:ConfigurationToken></tr2:${name}>`;
    return unlessFault(session.call('media2', body, `${name}Response`));
  };
  const options = find(await ask('GetMaskOptions'), 'Options');
  const maxMasks = Math.min(findNumber(options, 'MaxMasks') ?? 0, MAX_MASKS);
  const list = options && maxMasks > 0 ? await ask('GetMasks') : undefined;
  if (!list) {
    return undefined;
  }
  const all = elements(list, 'Masks').slice(0, MAX_MASKS);
  const isRectangleOnly = attributeOf(options, 'RectangleOnly') === 'true';
  const maxPoints = Math.min(findNumber(options, 'MaxPoints') ?? RECTANGLE_POINTS, MAX_POINTS);
  return {
    source,
    maxMasks,
    maxPoints: isRectangleOnly ? RECTANGLE_POINTS : Math.max(maxPoints, RECTANGLE_POINTS),
    isRectangleOnly,
    types: elements(options, 'Types').map((one) => findText(one)?.trim() ?? ''),
    elements: all,
    masks: all.flatMap(maskOf),
  };
}

const masksJson = ({ maxMasks, maxPoints, isRectangleOnly, masks }: MaskState): Masks => ({
  maxMasks,
  maxPoints,
  isRectangleOnly,
  masks,
});

function maskOf(element: XmlElement): Mask[] {
  const token = attributeOf(element, 'token') ?? '';
  const points = elements(find(element, 'Polygon'), 'Point')
    .slice(0, MAX_POINTS)
    .map((one): Point => [(number(one, 'x') + 1) / 2, (1 - number(one, 'y')) / 2]);
  const isWhole = token !== '' && points.length > 0 && points.flat().every(Number.isFinite);
  return isWhole ? [{ token, points, isEnabled: findText(element, 'Enabled')?.trim() !== 'false' }] : [];
}

const number = (element: XmlElement, name: string): number => Number(attributeOf(element, name) ?? Number.NaN);

async function required(session: OnvifSession, profile: CameraProfile): Promise<MaskState> {
  const state = await readState(session, profile);
  if (!state) {
    throw cameraError('notSupported', 'the camera has no privacy masks', { host: session.host });
  }
  return state;
}

function knownMask(state: MaskState, token: string, host: string): XmlElement {
  const known = state.elements.find((one) => attributeOf(one, 'token') === token);
  if (!known) {
    throw complaint('notFound', 'the camera has no mask of this token', host);
  }
  return known;
}

function checkPoints(points: readonly Point[], { maxPoints, isRectangleOnly }: MaskState, host: string): void {
  if (points.length > maxPoints) {
    throw complaint('badInput', `the camera takes masks of ${maxPoints} points at most`, host);
  }
  const [xs, ys] = [new Set(points.map(([x]) => x)), new Set(points.map(([, y]) => y))];
  if (isRectangleOnly && (points.length !== RECTANGLE_POINTS || xs.size !== 2 || ys.size !== 2)) {
    throw complaint('badInput', 'the camera takes rectangles only', host);
  }
}

const complaint = (what: 'badInput' | 'notFound', message: string, host: string) =>
  new PerchError(what, message, { host });

/** The camera chooses the color of a new mask. */
function colorOf(known: XmlElement | undefined): string {
  const color = find(known, 'Color');
  const values = ['X', 'Y', 'Z', 'Colorspace'].flatMap((name) => {
    const value = attributeOf(color, name);
    return value === undefined ? [] : [` ${name}="${escapeXml(value)}"`];
  });
  return color ? `<tr2:Color${values.join('')}/>` : '';
}

const onvifText = (value: number): string => String(Math.round(value * 10_000) / 10_000);
