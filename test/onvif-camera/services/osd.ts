import { escapeXml, findText } from '../../../agent/onvif/soap/xml/xml.ts';
import { attributeOf, type Call, Fault, findDeep, notSupported, type Operations } from '../call.ts';
import type { CameraState, SimulatedOsd } from '../state.ts';

const MAX_OSDS = 4;

/** Texts on the picture, of both versions of Media. @param answer writes a reply */
export function osdOperations(
  { osds, quirks }: CameraState,
  answer: (operation: string, inner?: string) => string,
): Operations {
  let made = 0;
  const operations: Operations = {
    GetOSDOptions: () => answer('GetOSDOptions', OPTIONS.replaceAll('P:', prefixOf(answer))),
    GetOSDs: () => {
      const prefix = prefixOf(answer);
      const list = [...osds].map(([token, osd]) => write(`${prefix}OSDs`, token, osd));
      return answer('GetOSDs', list.join(''));
    },
    CreateOSD: (call) => {
      if (osds.size >= MAX_OSDS) {
        throw new Fault('MaxOSDs', 'no room for another text');
      }
      made += 1;
      osds.set(`osd${made}`, read(call));
      return answer('CreateOSD', `<${prefixOf(answer)}OSDToken>osd${made}</${prefixOf(answer)}OSDToken>`);
    },
    SetOSD: (call) => {
      known(attributeOf(call, 'OSD', 'token')).text = read(call).text;
      return answer('SetOSD');
    },
    DeleteOSD: (call) => {
      const token = call.argument('OSDToken') ?? '';
      known(token);
      osds.delete(token);
      return answer('DeleteOSD');
    },
  };
  const known = (token = '') => {
    const osd = osds.get(token);
    if (!osd) {
      throw new Fault('NoConfig', 'no text of this token');
    }
    return osd;
  };
  return quirks.hasNoOsd
    ? Object.fromEntries(
        Object.keys(operations).map((name) => [
          name,
          () => {
            throw notSupported();
          },
        ]),
      )
    : operations;
}

const prefixOf = (answer: (operation: string) => string): string => /<(\w+:)/.exec(answer('x'))?.[1] ?? '';

const OPTIONS =
  '<P:OSDOptions><tt:MaximumNumberOfOSDs Total="4" PlainText="2" DateAndTime="1"/><tt:Type>Text</tt:Type>' +
  '<tt:PositionOption>UpperLeft</tt:PositionOption><tt:PositionOption>LowerLeft</tt:PositionOption>' +
  '<tt:PositionOption>Custom</tt:PositionOption>' +
  '<tt:TextOption><tt:Type>Plain</tt:Type><tt:Type>DateAndTime</tt:Type></tt:TextOption></P:OSDOptions>';

const write = (element: string, token: string, { kind, position, text }: SimulatedOsd): string =>
  `<${element} token="${token}"><tt:VideoSourceConfigurationToken>video</tt:VideoSourceConfigurationToken><tt:Type>Text</tt:Type>` +
  `<tt:Position><tt:Type>${position}</tt:Type></tt:Position><tt:TextString><tt:Type>${kind}</tt:Type>` +
  `${kind === 'Plain' ? `<tt:PlainText>${escapeXml(text)}</tt:PlainText>` : ''}</tt:TextString></${element}>`;

function read(call: Call): SimulatedOsd {
  const text = findDeep(call.root, 'TextString');
  return {
    kind: findText(text, 'Type') ?? 'Plain',
    position: findText(findDeep(call.root, 'Position'), 'Type') ?? 'UpperLeft',
    text: findText(text, 'PlainText') ?? '',
  };
}
