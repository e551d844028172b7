import { XmlElement, XmlText } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';
import { fillProfiles, ownProfile } from '../device/media.ts';
import type { OnvifSession } from '../device/onvif-session.ts';
import type { CameraProfile } from '../device/profiles.ts';
import { longGroupOf } from '../device/suggestions.ts';
import { cameraError } from '../soap/http/failures.ts';
import { writeXml } from '../soap/xml/write-xml.ts';
import { attributeOf, elements, find, localName } from '../soap/xml/xml.ts';

const MAX_CONFIGURATION = 16_384;
const LIMITS: Record<keyof EncoderSettings, number> = { groupFrames: 1_000, fps: 120, bitrateKbps: 100_000 };

export interface EncoderSettings {
  readonly groupFrames: number | undefined;
  readonly fps: number | undefined;
  readonly bitrateKbps: number | undefined;
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
  token: string | undefined,
  wanted: Partial<EncoderSettings>,
): Promise<EncoderChange> {
  checkWanted(wanted);
  const profile = await readOwn(session, token);
  const before = settingsOf(profile);
  const configuration = await readConfiguration(session, profile);
  edit(configuration, profile.service, wanted);
  const prefix = profile.service === 'media2' ? 'tr2' : 'trt';
  const text = writeXml(configuration, { maxCharacters: MAX_CONFIGURATION, name: `${prefix}:Configuration` });
  // Only Media 1 has the choice to persist beyond a reboot; Media 2 always persists.
  const lasting = profile.service === 'media2' ? '' : '<trt:ForcePersistence>true</trt:ForcePersistence>';
  await session.call(
    profile.service,
    `<${prefix}:SetVideoEncoderConfiguration>${text}${lasting}</${prefix}:SetVideoEncoderConfiguration>`,
    'SetVideoEncoderConfigurationResponse',
  );
  const after = settingsOf(await readOwn(session, profile.token));
  const isDone = keysOf(wanted).every((key) => after[key] === wanted[key]);
  return { profile: profile.token, before, after, isDone };
}

async function readOwn(session: OnvifSession, token: string | undefined): Promise<CameraProfile> {
  const profile = await ownProfile(session, token);
  const [filled] = await fillProfiles(session, [profile]);
  return filled ?? profile;
}

const settingsOf = ({ groupFrames, fps, bitrateKbps }: CameraProfile): EncoderSettings => ({
  groupFrames,
  fps,
  bitrateKbps,
});

const keysOf = (wanted: Partial<EncoderSettings>) =>
  (Object.keys(LIMITS) as (keyof EncoderSettings)[]).filter((key) => wanted[key] !== undefined);

function checkWanted(wanted: Partial<EncoderSettings>): void {
  const keys = keysOf(wanted);
  if (keys.length === 0) {
    throw new PerchError('badInput', `nothing to change: none of ${Object.keys(LIMITS).join(', ')}`);
  }
  for (const key of keys) {
    const value = wanted[key] ?? 0;
    if (!Number.isInteger(value) || value < 1 || value > LIMITS[key]) {
      throw new PerchError('badInput', `${key}: ${value} is not a whole number from 1 to ${LIMITS[key]}`);
    }
  }
}

/** The whole configuration: some cameras reset what a change omits, others reject it. */
async function readConfiguration(session: OnvifSession, { encoder, service }: CameraProfile): Promise<XmlElement> {
  const prefix = service === 'media2' ? 'tr2' : 'trt';
  const body = `<${prefix}:GetVideoEncoderConfigurations/>`;
  const response = await session.call(service, body, 'GetVideoEncoderConfigurationsResponse');
  const found = elements(response, 'Configurations').find((one) => attributeOf(one, 'token') === encoder);
  if (encoder === undefined || !found) {
    throw cameraError('notSupported', 'the camera does not let its encoder be set', { host: session.host });
  }
  return found;
}

function edit(configuration: XmlElement, service: CameraProfile['service'], wanted: Partial<EncoderSettings>): void {
  const { groupFrames, fps, bitrateKbps } = wanted;
  if (groupFrames !== undefined && service === 'media2') {
    configuration.attributes['GovLength'] = String(groupFrames);
  } else if (groupFrames !== undefined) {
    setText(find(configuration, 'H264') ?? find(configuration, 'MPEG4'), 'GovLength', groupFrames);
  }
  const rate = find(configuration, 'RateControl');
  if (fps !== undefined) {
    setText(rate, 'FrameRateLimit', fps);
  }
  if (bitrateKbps !== undefined) {
    setText(rate, 'BitrateLimit', bitrateKbps);
  }
}

function setText(parent: XmlElement | undefined, name: string, value: number): void {
  const index = parent?.children.findIndex((node) => node instanceof XmlElement && localName(node) === name) ?? -1;
  const old = parent?.children[index];
  if (!parent || !(old instanceof XmlElement)) {
    throw cameraError('notSupported', `the camera's encoder does not report its ${name}, so it cannot be set`);
  }
  old.children = [new XmlText(String(value))];
}
