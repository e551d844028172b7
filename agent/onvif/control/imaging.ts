import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { cameraError, unlessFault } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { elements, escapeXml, find, findText, plainLine } from '../soap/xml/xml.ts';
import { replaceText } from './encoder.ts';
import type { Ways } from './ways.ts';

const MODES = ['ON', 'OFF', 'AUTO'] as const;

/** `ON`: the filter is in (day), `OFF`: infrared light passes (night), `AUTO`: by brightness. ONVIF Imaging §5.1.1 */
export type IrCutMode = (typeof MODES)[number];

export interface IrCutFilter {
  readonly now: IrCutMode;
  readonly modes: readonly IrCutMode[];
}

/** The mode of the infrared cut filter, or undefined if it cannot be set. */
export async function readIrCutFilter(
  session: OnvifSession,
  { videoSource }: CameraProfile,
): Promise<IrCutFilter | undefined> {
  if (videoSource === undefined || !session.has('imaging')) {
    return undefined;
  }
  const options = await unlessFault(session.call('imaging', bodyOf('GetOptions', videoSource), 'GetOptionsResponse'));
  const offered = elements(find(options, 'ImagingOptions'), 'IrCutFilterModes').map((one) => findText(one));
  const modes = MODES.filter((mode) => offered.some((text) => plainLine(text) === mode));
  const settings = modes.length < 2 ? undefined : await unlessFault(readSettings(session, videoSource));
  const now = MODES.find((mode) => mode === plainLine(findText(settings, 'IrCutFilter')));
  return now && { now, modes };
}

/** Sends all settings back, because some cameras reset what a change omits; others refuse some of what they report. */
export async function setIrCutFilter(
  session: OnvifSession,
  ways: Ways,
  { videoSource = '' }: CameraProfile,
  mode: IrCutMode,
): Promise<void> {
  const settings = await readSettings(session, videoSource);
  if (!settings || !replaceText(settings, 'IrCutFilter', mode)) {
    throw cameraError('notSupported', 'the camera does not let its infrared filter be set', { host: session.host });
  }
  const set = (inner: string) =>
    session.call('imaging', bodyOf('SetImagingSettings', videoSource, inner), 'SetImagingSettingsResponse');
  const all = writeXml(settings, { maxCharacters: 16_384, name: 'timg:ImagingSettings' });
  const only = `<timg:ImagingSettings><tt:IrCutFilter>${mode}</tt:IrCutFilter></timg:ImagingSettings>`;
  const lasting = '<timg:ForcePersistence>true</timg:ForcePersistence>';
  await ways.use<unknown>('imaging', [
    ['all, lasting', () => set(all + lasting)],
    ['all', () => set(all)],
    ['filter, lasting', () => set(only + lasting)],
    ['filter', () => set(only)],
  ]);
}

async function readSettings(session: OnvifSession, videoSource: string) {
  const body = bodyOf('GetImagingSettings', videoSource);
  return find(await session.call('imaging', body, 'GetImagingSettingsResponse'), 'ImagingSettings');
}

const bodyOf = (name: string, videoSource: string, more = ''): string =>
  `<timg:${name}><timg:VideoSourceToken>${escapeXml(videoSource)}</timg:VideoSourceToken>${more}</timg:${name}>`;
