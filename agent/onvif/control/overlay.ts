import type { XmlElement } from '@rgrove/parse-xml';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { attributeOf, elements, escapeXml, find, findText, plainLine } from '../soap/xml/xml.ts';
import { replaceText } from './encoder.ts';
import { byMedia, type Ways } from './ways.ts';

/** Texts that the camera draws on the picture (OSD, ONVIF Media §5.18), or undefined if not offered. */
export interface Overlay {
  /** The first plain text; empty: none. */
  readonly text: string | undefined;
  readonly showsTime: boolean | undefined;
}

interface OsdState extends Overlay {
  readonly service: CameraProfile['service'];
  readonly source: string;
  readonly plain: XmlElement | undefined;
  /** Date, time or both, one element each. */
  readonly times: readonly XmlElement[];
  readonly positions: readonly string[];
}

const NONE: Overlay = { text: undefined, showsTime: undefined };

export async function readOverlay(session: OnvifSession, ways: Ways, profile: CameraProfile): Promise<Overlay> {
  const read = (own: CameraProfile) => readOsds(session, own);
  const { text, showsTime } = (await unlessFault(ways.use('overlay', byMedia(session, profile, read)))) ?? NONE;
  return { text, showsTime };
}

/** Undefined values are not changed. An empty text removes the text. */
export async function setOverlay(
  session: OnvifSession,
  ways: Ways,
  profile: CameraProfile,
  wanted: Partial<Overlay>,
): Promise<void> {
  await ways.use(
    'set overlay',
    byMedia(session, profile, (own) => setOsds(session, own, wanted)),
  );
}

async function setOsds(session: OnvifSession, profile: CameraProfile, wanted: Partial<Overlay>): Promise<void> {
  const state = await readOsds(session, profile);
  const { text, showsTime } = wanted;
  const isMissing = (key: keyof Overlay) => wanted[key] !== undefined && state[key] === undefined;
  if (isMissing('text') || isMissing('showsTime')) {
    throw cameraError('notSupported', 'the camera does not let this text be set', { host: session.host });
  }
  if (text !== undefined && text !== state.text) {
    await setText(session, state, text);
  }
  if (showsTime === true && !state.showsTime) {
    const [first = 'UpperLeft', second = first] = state.positions;
    await create(session, state, state.plain ? second : first, 'DateAndTime', '');
  } else if (showsTime === false) {
    for (const one of state.times) {
      await remove(session, state, one);
    }
  }
}

/** @throws PerchError notSupported if the service draws no texts */
async function readOsds(session: OnvifSession, profile: CameraProfile): Promise<OsdState> {
  const { service, sourceConfiguration: source = '' } = profile;
  const token = `ConfigurationToken>${escapeXml(source)}</`;
  const asked = (name: string) => {
    const prefix = prefixOf(service);
    const body = `<${prefix}:${name}><${prefix}:${token}${prefix}:ConfigurationToken></${prefix}:${name}>`;
    return session.call(service, body, `${name}Response`);
  };
  const options = source === '' ? undefined : find(await asked('GetOSDOptions'), 'OSDOptions');
  if (!options) {
    throw cameraError('notSupported', 'the camera draws no texts on its picture', { host: session.host });
  }
  const list = await asked('GetOSDs');
  const osds = elements(list, 'OSDs').slice(0, 64);
  const kinds = new Set(elements(find(options, 'TextOption'), 'Type').map((one) => findText(one)?.trim()));
  const osdType = (osd: XmlElement) => findText(osd, 'TextString', 'Type')?.trim();
  const plain = osds.find((osd) => osdType(osd) === 'Plain');
  const times = osds.filter((osd) => ['Date', 'Time', 'DateAndTime'].includes(osdType(osd) ?? ''));
  return {
    service,
    source,
    plain,
    times,
    positions: elements(options, 'PositionOption')
      .map((one) => findText(one)?.trim() ?? '')
      .filter((one) => /^(?:Upper|Lower)(?:Left|Right)$/.test(one)),
    text: kinds.has('Plain') ? (plainLine(findText(plain, 'TextString', 'PlainText')) ?? '') : undefined,
    showsTime: kinds.has('DateAndTime') ? times.length > 0 : undefined,
  };
}

async function setText(session: OnvifSession, state: OsdState, text: string): Promise<void> {
  const { plain, positions, service } = state;
  if (plain && text === '') {
    await remove(session, state, plain);
  } else if (plain && replaceText(find(plain, 'TextString'), 'PlainText', text)) {
    const prefix = prefixOf(service);
    const xml = writeXml(plain, { maxCharacters: 16_384, name: `${prefix}:OSD` });
    await session.call(service, `<${prefix}:SetOSD>${xml}</${prefix}:SetOSD>`, 'SetOSDResponse');
  } else {
    await create(
      session,
      state,
      positions[0] ?? 'UpperLeft',
      'Plain',
      `<tt:PlainText>${escapeXml(text)}</tt:PlainText>`,
    );
  }
}

/** The camera chooses font and size. */
async function create(
  session: OnvifSession,
  { service, source }: OsdState,
  position: string,
  kind: 'Plain' | 'DateAndTime',
  more: string,
): Promise<void> {
  const prefix = prefixOf(service);
  const body =
    `<${prefix}:CreateOSD><${prefix}:OSD token=""><tt:VideoSourceConfigurationToken>${escapeXml(source)}</tt:VideoSourceConfigurationToken>` +
    `<tt:Type>Text</tt:Type><tt:Position><tt:Type>${position}</tt:Type></tt:Position>` +
    `<tt:TextString><tt:Type>${kind}</tt:Type>${more}</tt:TextString></${prefix}:OSD></${prefix}:CreateOSD>`;
  await session.call(service, body, 'CreateOSDResponse');
}

async function remove(session: OnvifSession, { service }: OsdState, osd: XmlElement): Promise<void> {
  const prefix = prefixOf(service);
  const token = escapeXml(attributeOf(osd, 'token') ?? '');
  const body = `<${prefix}:DeleteOSD><${prefix}:OSDToken>${token}</${prefix}:OSDToken></${prefix}:DeleteOSD>`;
  await session.call(service, body, 'DeleteOSDResponse');
}

const prefixOf = (service: CameraProfile['service']) => (service === 'media2' ? 'tr2' : 'trt');
