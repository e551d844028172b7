import type { OnvifSession } from '../device/onvif-session.ts';
import { unlessFault } from '../soap/http/failures.ts';
import { attributeOf, elements, escapeXml, find, findText, plainLine } from '../soap/xml/xml.ts';

export type OutputKind = 'relay' | 'light' | 'siren' | 'wiper' | 'other';

/** A thing that auxiliary commands switch, such as `IRLamp` with `tt:IRLamp|On`, `tt:IRLamp|Off` and `tt:IRLamp|Auto`. */
export interface Auxiliary {
  /** The command without prefix and state. */
  readonly word: string;
  readonly kind: OutputKind;
  readonly name: string;
  readonly on: string;
  /** Back to the camera's own choice where it has one, else off; undefined: it ends by itself. */
  readonly off: string | undefined;
}

/** Auxiliary commands of the device service: GetServiceCapabilities, or GetCapabilities of older cameras. */
export async function readCommands(session: OnvifSession): Promise<string[]> {
  const now = await unlessFault(
    session.call('device', '<tds:GetServiceCapabilities/>', 'GetServiceCapabilitiesResponse'),
  );
  const listed = splitCommands(attributeOf(find(now, 'Capabilities', 'Misc'), 'AuxiliaryCommands'));
  if (listed.length > 0) {
    return listed;
  }
  const body = '<tds:GetCapabilities><tds:Category>Device</tds:Category></tds:GetCapabilities>';
  const former = await unlessFault(session.call('device', body, 'GetCapabilitiesResponse'));
  const io = find(former, 'Capabilities', 'Device', 'IO', 'Extension');
  return elements(io, 'AuxiliaryCommands').flatMap((one) => splitCommands(findText(one)));
}

/** A list of commands, or one that has a space in it. */
function splitCommands(text: string | undefined): string[] {
  const parts = (text ?? '').split(/[\s,;]+/).filter(Boolean);
  return parts.length < 2 || parts.every((part) => STATE.test(part)) ? parts : [text ?? ''];
}

/** The state at the end of a command: `tt:IRLamp|On`, `Wiper Off`, `whiteLightOn`, `AUX1_ON`. */
const STATE = /(?:[|:=_\s.-]+|(?<=[a-z\d])(?=O[nf]|Au)|(?<=\d))(on|off|auto|start|stop|enable|disable)$/i;
const STATES: Readonly<Record<string, 'on' | 'off' | 'auto'>> = {
  on: 'on',
  start: 'on',
  enable: 'on',
  off: 'off',
  stop: 'off',
  disable: 'off',
  auto: 'auto',
};

const KINDS: readonly (readonly [RegExp, OutputKind])[] = [
  [/siren|alarm|horn|buzzer|beep/i, 'siren'],
  [/wiper/i, 'wiper'],
  [/light|lamp|led\b|illuminat|infrared|strobe|^ir\b/i, 'light'],
];
/** Names of the words of the standard and of common ones; others are split into their words. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^ir ?(?:lamp|led|light)?$/i, 'Infrared lamp'],
  [/^led$/i, 'LED'],
];

/** What the commands switch, each thing once. What has no command for on is left out. */
export function auxiliariesOf(commands: readonly string[]): Auxiliary[] {
  const found = new Map<string, { word: string; states: Map<string, string> }>();
  // Cameras list two to twenty commands; `tt:AuxiliaryData` has at most 128 characters.
  for (const command of commands.filter(({ length }) => length <= 128).slice(0, 64)) {
    const [suffix = '', state = 'on'] = STATE.exec(command) ?? [];
    const word = plainLine(command.slice(0, command.length - suffix.length).replace(/^\w+:(?=\w)/, '')) ?? '';
    const key = word.toLowerCase();
    const entry = found.get(key) ?? { word, states: new Map() };
    const meaning = STATES[state.toLowerCase()] ?? 'on';
    if (word !== '' && !entry.states.has(meaning)) {
      entry.states.set(meaning, command);
      found.set(key, entry);
    }
  }
  return [...found.values()].flatMap(({ word, states }): Auxiliary[] => {
    const on = states.get('on');
    const words = wordsOf(word);
    const kind = KINDS.find(([pattern]) => pattern.test(words))?.[1] ?? 'other';
    const name = NAMES.find(([pattern]) => pattern.test(words))?.[1] ?? words;
    return on === undefined ? [] : [{ word, kind, name, on, off: states.get('auto') ?? states.get('off') }];
  });
}

/** `WashingProcedure` is "Washing procedure", `white_light` is "White light", `IRLamp` is "IR lamp". */
function wordsOf(word: string): string {
  const parts = word.split(/[_\s.|:-]+|(?<=[a-z])(?=[A-Z\d])|(?<=[A-Z])(?=[A-Z][a-z])/).filter(Boolean);
  const [first = word, ...rest] = parts.map((part) => (/^[A-Z\d]+$/.test(part) ? part : part.toLowerCase()));
  return [first.slice(0, 1).toUpperCase() + first.slice(1), ...rest].join(' ');
}

export const sendCommand = (session: OnvifSession, command: string): Promise<unknown> =>
  session.call(
    'device',
    `<tds:SendAuxiliaryCommand><tds:AuxiliaryCommand>${escapeXml(command)}</tds:AuxiliaryCommand></tds:SendAuxiliaryCommand>`,
    'SendAuxiliaryCommandResponse',
  );
