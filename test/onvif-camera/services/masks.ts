import { XmlElement } from '@rgrove/parse-xml';
import { localName } from '../../../agent/onvif/soap/xml/xml.ts';
import { attributeOf, type Call, Fault, findDeep, notSupported, type Operations } from '../call.ts';
import type { CameraState, SimulatedMask } from '../state.ts';

const MAX_MASKS = 4;

/** Privacy masks, of Media 2. @param answer writes a reply */
export function maskOperations(
  { masks, quirks }: CameraState,
  answer: (operation: string, inner?: string) => string,
): Operations {
  let made = 0;
  const checked = (call: Call): SimulatedMask => {
    const mask = read(call);
    if (quirks.masks === 'rectangles' && mask.points.length !== 4) {
      throw new Fault('InvalidPolygon', 'rectangles only');
    }
    return mask;
  };
  const known = (token = '') => {
    if (!masks.has(token)) {
      throw new Fault('NoConfig', 'no mask of this token');
    }
    return token;
  };
  const operations: Operations = {
    GetMaskOptions: () =>
      answer(
        'GetMaskOptions',
        `<tr2:Options RectangleOnly="${quirks.masks === 'rectangles'}" SingleColorOnly="true"><tr2:MaxMasks>${MAX_MASKS}</tr2:MaxMasks>` +
          '<tr2:MaxPoints>8</tr2:MaxPoints><tr2:Types>Color</tr2:Types><tr2:Types>Blurred</tr2:Types><tr2:Color/></tr2:Options>',
      ),
    GetMasks: () => answer('GetMasks', [...masks].map(([token, mask]) => write(token, mask)).join('')),
    CreateMask: (call) => {
      if (masks.size >= MAX_MASKS) {
        throw new Fault('MaxMasks', 'no room for another mask');
      }
      made += 1;
      masks.set(`mask${made}`, checked(call));
      return answer('CreateMask', `<tr2:Token>mask${made}</tr2:Token>`);
    },
    SetMask: (call) => {
      masks.set(known(attributeOf(call, 'Mask', 'token')), checked(call));
      return answer('SetMask');
    },
    DeleteMask: (call) => {
      masks.delete(known(call.argument('Token')));
      return answer('DeleteMask');
    },
  };
  const refuse = () => {
    throw notSupported();
  };
  return quirks.masks ? operations : Object.fromEntries(Object.keys(operations).map((name) => [name, refuse]));
}

const write = (token: string, { points, type, isEnabled }: SimulatedMask): string =>
  `<tr2:Masks token="${token}"><tr2:ConfigurationToken>video</tr2:ConfigurationToken><tr2:Polygon>` +
  `${points.map(([x, y]) => `<tt:Point x="${x}" y="${y}"/>`).join('')}</tr2:Polygon><tr2:Type>${type}</tr2:Type>` +
  `<tr2:Color X="16" Y="128" Z="128"/><tr2:Enabled>${isEnabled}</tr2:Enabled></tr2:Masks>`;

function read(call: Call): SimulatedMask {
  const polygon = findDeep(call.root, 'Polygon')?.children ?? [];
  const points = polygon.filter((child) => child instanceof XmlElement && localName(child) === 'Point');
  return {
    points: points.map((point) => {
      const { x, y } = (point as XmlElement).attributes;
      return [Number(x), Number(y)];
    }),
    type: call.argument('Type') ?? findText(call, 'Type'),
    isEnabled: findText(call, 'Enabled') === 'true',
  };
}

const findText = ({ root }: Call, name: string): string => findDeep(root, name)?.text.trim() ?? '';
