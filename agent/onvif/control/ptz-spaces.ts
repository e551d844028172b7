import type { XmlElement } from '@rgrove/parse-xml';
import { attributeOf, elements, escapeXml, find, findNumber, findText, localName } from '../soap/xml/xml.ts';

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A coordinate space of a PTZ node (ONVIF PTZ §5.7), with the ranges that the camera states. */
interface PtzSpace {
  readonly uri: string;
  readonly x: Range;
  readonly y: Range;
}

/** The spaces in which a camera takes positions, the generic one first, and field of view translations. */
export interface PtzSpaces {
  readonly panTilt: readonly PtzSpace[];
  readonly zoom: readonly PtzSpace[];
  /** Absent: the camera cannot move by shares of its picture. */
  readonly fieldOfView: PtzSpace | undefined;
}

/** Generic spaces: pan and tilt from -1 to 1, to the right and up; zoom from 0 to 1. Null: the camera has or reports none. */
export interface PtzPosition {
  readonly pan: number | null;
  readonly tilt: number | null;
  readonly zoom: number | null;
}

const BOTH: Range = { min: -1, max: 1 };
const ZOOM: Range = { min: 0, max: 1 };

/** `tt:SupportedPTZSpaces` of a node, or `tt:Spaces` of the options of a configuration. */
export function readSpaces(element: XmlElement | undefined): PtzSpaces {
  const all = elements(element);
  const spaces = (name: string, range: Range) =>
    all
      .filter((one) => localName(one) === name)
      // Cameras list one to three of each kind.
      .slice(0, 8)
      .flatMap((one): PtzSpace[] => {
        const uri = findText(one, 'URI');
        return uri === undefined ? [] : [{ uri, x: rangeOf(one, 'XRange', range), y: rangeOf(one, 'YRange', range) }];
      });
  const isGeneric = ({ uri }: PtzSpace) => uri.endsWith('/PositionGenericSpace');
  const genericFirst = (some: PtzSpace[]) => some.toSorted((a, b) => Number(isGeneric(b)) - Number(isGeneric(a)));
  return {
    panTilt: genericFirst(spaces('AbsolutePanTiltPositionSpace', BOTH)),
    zoom: genericFirst(spaces('AbsoluteZoomPositionSpace', ZOOM)),
    fieldOfView: spaces('RelativePanTiltTranslationSpace', BOTH).find(({ uri }) =>
      uri.endsWith('/TranslationSpaceFov'),
    ),
  };
}

/** Some cameras state `-INF` and `INF`, or the same number twice. */
function rangeOf(space: XmlElement, name: string, otherwise: Range): Range {
  const [min, max] = [findNumber(space, name, 'Min'), findNumber(space, name, 'Max')];
  return min === undefined || max === undefined || max <= min ? otherwise : { min, max };
}

/** A `tt:PTZVector` in generic spaces, or undefined if it has no axis. */
export function readPosition(element: XmlElement | undefined, spaces: PtzSpaces): PtzPosition | undefined {
  const axis = (name: string, attribute: 'x' | 'y', known: readonly PtzSpace[], generic: Range): number | null => {
    const vector = find(element, name);
    const text = attributeOf(vector, attribute);
    const uri = attributeOf(vector, 'space');
    const value = text === undefined ? Number.NaN : Number(text);
    const space = known.find((one) => one.uri === uri) ?? known[0];
    return Number.isFinite(value) ? mapped(value, space?.[attribute] ?? generic, generic) : null;
  };
  const position = {
    pan: axis('PanTilt', 'x', spaces.panTilt, BOTH),
    tilt: axis('PanTilt', 'y', spaces.panTilt, BOTH),
    zoom: axis('Zoom', 'x', spaces.zoom, ZOOM),
  };
  return Object.values(position).some((value) => value !== null) ? position : undefined;
}

/** A `tt:PTZVector` of a generic position. @param isNamed with the names of the spaces */
export function writePosition({ pan, tilt, zoom }: PtzPosition, spaces: PtzSpaces, isNamed: boolean): string {
  const [turn, lens] = [spaces.panTilt[0], spaces.zoom[0]];
  const name = (space: PtzSpace | undefined) => (isNamed && space ? ` space="${escapeXml(space.uri)}"` : '');
  const x = number(mapped(pan ?? 0, BOTH, turn?.x ?? BOTH));
  const y = number(mapped(tilt ?? 0, BOTH, turn?.y ?? BOTH));
  const panTilt = pan === null && tilt === null ? '' : `<tt:PanTilt x="${x}" y="${y}"${name(turn)}/>`;
  return `${panTilt}${zoom === null ? '' : `<tt:Zoom x="${number(mapped(zoom, ZOOM, lens?.x ?? ZOOM))}"${name(lens)}/>`}`;
}

/**
 * A translation that brings a point of the picture to its centre: the ends of the range are the picture's edges.
 * @param x, y shares of the picture from its top left
 */
export function writeShift(space: PtzSpace, x: number, y: number): string {
  const [right, up] = [mapped(2 * x - 1, BOTH, space.x), mapped(1 - 2 * y, BOTH, space.y)];
  return `<tt:PanTilt x="${number(right)}" y="${number(up)}" space="${escapeXml(space.uri)}"/>`;
}

const mapped = (value: number, from: Range, to: Range): number =>
  to.min + ((Math.min(from.max, Math.max(from.min, value)) - from.min) / (from.max - from.min)) * (to.max - to.min);

const number = (value: number): string => String(Math.round(value * 10_000) / 10_000);

/** Assumed where the camera does not state degrees: a dome turns once around, and from the horizon to straight down. */
const ASSUMED_DEGREES = { pan: 360, tilt: 90 };
/** Assumed horizontal field of view without zoom, in degrees. */
const WIDE_DEGREES = 60;
/** Assumed zoom factor at the end of the range. A camera with less is moved too little, and never beyond the point. */
const FULL_ZOOM = 20;

/**
 * The position that has a point of the picture in its centre, by an estimated field of view.
 * @param x, y shares of the picture from its top left
 * @param aspect height of the picture by its width
 */
export function centeredPosition(
  now: PtzPosition,
  spaces: PtzSpaces,
  x: number,
  y: number,
  aspect: number,
): PtzPosition {
  const degrees = spaces.panTilt.find(({ uri }) => uri.endsWith('/SphericalPositionSpaceDegrees'));
  const span = (range: Range | undefined, assumed: number) => (range ? range.max - range.min : assumed);
  // Half of the picture's width at the distance 1.
  const half = Math.tan((WIDE_DEGREES / 2) * RADIANS) / (1 + (now.zoom ?? 0) * (FULL_ZOOM - 1));
  const turned = (share: number, size: number, range: number) =>
    (2 * Math.atan((2 * share - 1) * size)) / RADIANS / range;
  const circle = span(degrees?.x, ASSUMED_DEGREES.pan);
  const pan = (now.pan ?? 0) + turned(x, half, circle);
  const tilt = (now.tilt ?? 0) - turned(y, half * aspect, span(degrees?.y, ASSUMED_DEGREES.tilt));
  return { pan: degrees && circle >= 360 ? around(pan, 720 / circle) : clamped(pan), tilt: clamped(tilt), zoom: null };
}

const RADIANS = Math.PI / 180;
/** Beyond an end of the range the same direction is a full turn back. */
const around = (pan: number, turn: number): number => (pan > 1 ? pan - turn : pan < -1 ? pan + turn : pan);
const clamped = (value: number): number => Math.min(1, Math.max(-1, value));
