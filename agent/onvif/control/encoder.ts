import { type XmlElement, XmlText } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { fillProfiles, ownProfile } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { longGroupOf } from '../device/suggestions.ts';
import { cameraError, isOperationFault } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { attributeOf, elements, find } from '../soap/xml/xml.ts';
import { byMedia, type Way, type Ways } from './ways.ts';

const LIMITS = { groupFrames: 1_000, fps: 120, bitrateKbps: 100_000, width: 16_384, height: 16_384 };

export interface EncoderSettings extends Record<keyof typeof LIMITS, number | undefined> {
  /** `H264`, `H265`, or the camera's own word. */
  readonly codec: string | undefined;
}

export interface EncoderAdvice {
  readonly profile: string;
  readonly now: EncoderSettings;
  readonly better: Partial<EncoderSettings> | undefined;
  readonly words: string | undefined;
}

export interface EncoderChange {
  readonly profile: string;
  readonly before: EncoderSettings;
  /** As read back from the camera. */
  readonly after: EncoderSettings;
  /** The camera applied the change; some accept it without effect. */
  readonly isDone: boolean;
}

/** A configuration as the camera had it, by each Media service that tells it, for `restoreEncoder`. */
export type FormerEncoder = readonly Configuration[];

interface Configuration {
  readonly service: CameraProfile['service'];
  readonly xml: string;
}

export async function adviseEncoder(session: OnvifSession, token: string | undefined): Promise<EncoderAdvice> {
  const profile = await readOwn(session, token);
  const long = longGroupOf(profile);
  const better = long && { groupFrames: long.groupFrames };
  const words = long && `a key frame every ${Math.round(long.seconds)} s, so viewers wait for their first picture`;
  return { profile: profile.token, now: settingsOf(profile), better, words };
}

/** Changes only the given settings, then reads them back: many cameras accept a change without effect. */
export async function changeEncoder(
  session: OnvifSession,
  ways: Ways,
  token: string | undefined,
  wanted: Partial<EncoderSettings>,
): Promise<EncoderChange> {
  checkWanted(wanted);
  const profile = await readOwn(session, token);
  const before = settingsOf(profile);
  const change = async (own: CameraProfile): Promise<void> => {
    const configuration = await readConfiguration(session, own);
    edit(configuration, own, wanted);
    await sendConfiguration(session, { service: own.service, xml: writeConfiguration(configuration, own.service) });
  };
  await ways.use('encoder', byMedia(session, profile, change));
  const after = settingsOf(await readOwn(session, profile.token));
  const isDone = KEYS.every((key) => wanted[key] === undefined || after[key] === wanted[key]);
  return { profile: profile.token, before, after, isDone };
}

/** @throws PerchError if no Media service tells it */
export async function readFormer(session: OnvifSession, token: string | undefined): Promise<FormerEncoder> {
  const former: Configuration[] = [];
  let failure: unknown;
  const read = async (own: CameraProfile): Promise<void> => {
    const { service } = own;
    former.push({ service, xml: writeConfiguration(await readConfiguration(session, own), service) });
  };
  for (const [, call] of byMedia(session, await ownProfile(session, token), read)) {
    await call().catch((error: unknown) => {
      if (!isOperationFault(error)) {
        throw error;
      }
      failure ??= error;
    });
  }
  if (former.length === 0) {
    throw failure;
  }
  return former;
}

export async function restoreEncoder(session: OnvifSession, ways: Ways, former: FormerEncoder): Promise<void> {
  const byService = former.map((one): Way<void> => [one.service, () => sendConfiguration(session, one)]);
  await ways.use('encoder', byService);
}

/** Sends a whole configuration. */
async function sendConfiguration(session: OnvifSession, { service, xml }: Configuration): Promise<void> {
  const prefix = prefixOf(service);
  // Only Media 1 has the choice to persist beyond a reboot; Media 2 always persists.
  const lasting = service === 'media2' ? '' : '<trt:ForcePersistence>true</trt:ForcePersistence>';
  await session.call(
    service,
    `<${prefix}:SetVideoEncoderConfiguration>${xml}${lasting}</${prefix}:SetVideoEncoderConfiguration>`,
    'SetVideoEncoderConfigurationResponse',
  );
}

const prefixOf = (service: CameraProfile['service']) => (service === 'media2' ? 'tr2' : 'trt');

const writeConfiguration = (configuration: XmlElement, service: CameraProfile['service']): string =>
  writeXml(configuration, { maxCharacters: 16_384, name: `${prefixOf(service)}:Configuration` });

/** @returns the profile with everything that its encoder states */
export async function readOwn(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profile = await ownProfile(session, token);
  const [filled] = await fillProfiles(session, [profile]);
  return filled ?? profile;
}

export function settingsOf(profile: CameraProfile): EncoderSettings {
  const { groupFrames, fps, bitrateKbps, width, height, codec } = profile;
  return { groupFrames, fps, bitrateKbps, width, height, codec };
}

const NUMBERS = Object.keys(LIMITS) as (keyof typeof LIMITS)[];
const KEYS = [...NUMBERS, 'codec'] as const;

function checkWanted(wanted: Partial<EncoderSettings>): void {
  if (KEYS.every((key) => wanted[key] === undefined)) {
    throw new PerchError('badInput', `nothing to change: none of ${KEYS.join(', ')}`);
  }
  if ((wanted.width === undefined) !== (wanted.height === undefined)) {
    throw new PerchError('badInput', 'a size is a width and a height');
  }
  for (const key of NUMBERS) {
    const value = wanted[key];
    if (value !== undefined && (!Number.isInteger(value) || value < 1 || value > LIMITS[key])) {
      throw new PerchError('badInput', `${key}: ${value} is not a whole number from 1 to ${LIMITS[key]}`);
    }
  }
}

/** Reads the whole configuration: some cameras reset what a change omits, others reject an incomplete one. */
async function readConfiguration(session: OnvifSession, { encoder, service }: CameraProfile): Promise<XmlElement> {
  const body = `<${prefixOf(service)}:GetVideoEncoderConfigurations/>`;
  const response = await session.call(service, body, 'GetVideoEncoderConfigurationsResponse');
  const found = elements(response, 'Configurations').find((one) => attributeOf(one, 'token') === encoder);
  if (encoder === undefined || !found) {
    throw cameraError('notSupported', 'the camera does not let its encoder be set', { host: session.host });
  }
  return found;
}

function edit(
  configuration: XmlElement,
  { service, codec: formerCodec }: CameraProfile,
  { groupFrames, fps, bitrateKbps, width, height, codec }: Partial<EncoderSettings>,
): void {
  const is2 = service === 'media2';
  if (codec !== undefined && codec !== formerCodec) {
    if (!is2) {
      throw cameraError('notSupported', 'the camera lets its codec be set by ONVIF Media 2 only');
    }
    setText(configuration, 'Encoding', codec);
    // `Baseline` does not exist in H.265, nor `Main10` in H.264: the camera chooses.
    delete configuration.attributes['Profile'];
  }
  if (groupFrames !== undefined && is2) {
    configuration.attributes['GovLength'] = String(groupFrames);
  } else {
    setText(find(configuration, 'H264') ?? find(configuration, 'MPEG4'), 'GovLength', groupFrames);
  }
  const rate = find(configuration, 'RateControl');
  setText(rate, 'FrameRateLimit', fps);
  setText(rate, 'BitrateLimit', bitrateKbps);
  const size = find(configuration, 'Resolution');
  setText(size, 'Width', width);
  setText(size, 'Height', height);
}

/** @param value undefined to leave it unchanged */
function setText(parent: XmlElement | undefined, name: string, value: number | string | undefined): void {
  if (value === undefined) {
    return;
  }
  if (!replaceText(parent, name, String(value))) {
    throw cameraError('notSupported', `the camera's encoder does not report its ${name}, so it cannot be set`);
  }
}

/** @returns whether the parent has such an element */
export function replaceText(parent: XmlElement | undefined, name: string, text: string): boolean {
  const old = elements(parent, name)[0];
  if (old) {
    old.children = [new XmlText(text)];
  }
  return old !== undefined;
}
