import { findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operations } from './contract.ts';
import {
  AUDIO_SOURCE,
  findProfile,
  type Profile,
  profilesOf,
  sensorOf,
  VIDEO_SOURCE,
  VIDEO_SOURCE_CONFIGURATION,
} from './profiles.ts';
import { type PtzAxes, type PtzLookup, ptzConfiguration } from './ptz-configuration.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { fault, tag } from './soap.ts';
import { snapshotUri, streamUri, type WantedTransport } from './stream-uri.ts';

/** Media 1 has no other encodings: for H.265 and AV1, recorders use Media 2 or read the SDP (ONVIF Media §5.1.2). */
const VIDEO_ENCODINGS = ['H264', 'JPEG', 'MPEG4'];
const AUDIO_ENCODINGS: Readonly<Record<string, string>> = { PCMU: 'G711', PCMA: 'G711', AAC: 'AAC', G726: 'G726' };
const PROTOCOLS: Readonly<Record<string, WantedTransport>> = { UDP: 'udp', TCP: 'tcp', RTSP: 'tcp', HTTP: 'http' };

/** Writes an answer about the profile that the request names (as profile or by its configuration), else about all of the camera. */
type Writer = (profiles: readonly Profile[], all: readonly Profile[]) => string | readonly string[];

export const listed = (prefix: string, source: OnvifSource, writers: Readonly<Record<string, Writer>>): Operations =>
  Object.fromEntries(
    Object.entries(writers).map(([operation, write]) => {
      const name = `${prefix}:${operation}`;
      const answer = ({ camera, body }: Call) => {
        const all = profilesOf(camera, source);
        const wanted = findText(body, 'ConfigurationToken') ?? findText(body, 'ProfileToken');
        const isSource = wanted === VIDEO_SOURCE_CONFIGURATION || wanted === AUDIO_SOURCE;
        const profiles = wanted === undefined || isSource ? all : [findProfile(camera, wanted, source)];
        const content = [write(profiles, all)].flat().join('');
        if (content === '' && operation.endsWith('Configuration')) {
          throw fault(`no such configuration: ${operation}s lists them`, 'InvalidArgVal', 'NoConfig');
        }
        return `<${name}Response>${content}</${name}Response>`;
      };
      return [name, { answer }];
    }),
  );

/** The ONVIF media service, version 1 (Profile S). */
export function mediaOperations(source: OnvifSource, ptz: PtzLookup): Operations {
  const lists: Readonly<Record<string, Writer>> = {
    GetVideoSourceConfigurations: (_, all) => videoSourceConfiguration('trt:Configurations', all),
    GetVideoEncoderConfigurations: (profiles) => profiles.map((one) => videoEncoder('trt:Configurations', one)),
    GetAudioSourceConfigurations: (_, all) => ifAudio(all, audioSourceConfiguration('trt:Configurations')),
    GetAudioEncoderConfigurations: (profiles) =>
      withAudio(profiles).map((one) => audioEncoder1('trt:Configurations', one)),
    GetMetadataConfigurations: () => '',
  };
  const profileIn = ({ camera, body }: Call) => findProfile(camera, findText(body, 'ProfileToken'), source);
  const compatible = Object.entries(lists).map(([name, write]) => [name.replace('Get', 'GetCompatible'), write]);
  return {
    'trt:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('trt', SERVICE_CAPABILITIES.media) },
    'trt:GetProfiles': {
      answer: async ({ camera }) => {
        const moves = await ptz(camera.path);
        const all = profilesOf(camera, source);
        return reply('GetProfiles', all.map((profile) => writeProfile('trt:Profiles', profile, all, moves)).join(''));
      },
    },
    'trt:GetProfile': {
      answer: async (call) => {
        const all = profilesOf(call.camera, source);
        return reply('GetProfile', writeProfile('trt:Profile', profileIn(call), all, await ptz(call.camera.path)));
      },
    },
    ...listed('trt', source, {
      ...lists,
      ...Object.fromEntries(compatible),
      GetVideoSources: (_, all) => videoSource(all),
      GetVideoSourceConfiguration: (_, all) => videoSourceConfiguration('trt:Configuration', all),
      GetVideoSourceConfigurationOptions: (_, all) => videoSourceOptions('trt:Options', all),
      GetVideoEncoderConfiguration: ([one]) => (one ? videoEncoder('trt:Configuration', one) : ''),
      GetVideoEncoderConfigurationOptions: ([one]) => (one ? videoOptions(one) : ''),
      GetAudioSources: (_, all) => audioSource(all),
      GetAudioSourceConfiguration: (_, all) => ifAudio(all, audioSourceConfiguration('trt:Configuration')),
      GetAudioSourceConfigurationOptions: () => audioSourceOptions('trt:Options'),
      GetAudioEncoderConfiguration: (profiles) =>
        withAudio(profiles.slice(0, 1)).map((one) => audioEncoder1('trt:Configuration', one)),
      GetAudioEncoderConfigurationOptions: (profiles) =>
        `<trt:Options>${withAudio(profiles)
          .map((one) => audioEncoderOptions('tt:Options', audioEncoding(one), one))
          .join('')}</trt:Options>`,
      GetGuaranteedNumberOfVideoEncoderInstances: (_, { length }) =>
        tag('trt:TotalNumber', length) + tag('trt:H264', length),
      // The encoder is in the camera: Perch does not determine when its next key frame comes.
      SetSynchronizationPoint: () => '',
    }),
    'trt:GetStreamUri': {
      answer: (call) =>
        reply('GetStreamUri', mediaUri(streamUri(call, profileIn(call), wantedTransport(call), source))),
    },
    'trt:GetSnapshotUri': {
      answer: (call) => reply('GetSnapshotUri', mediaUri(snapshotUri(call, profileIn(call), source))),
    },
  };
}

const reply = (operation: string, content: string): string =>
  `<trt:${operation}Response>${content}</trt:${operation}Response>`;

export const withAudio = (profiles: readonly Profile[]): readonly Profile[] => profiles.filter(({ audio }) => audio);

export const ifAudio = (profiles: readonly Profile[], text: string): string =>
  withAudio(profiles).length > 0 ? text : '';

const mediaUri = (uri: string): string =>
  `<trt:MediaUri>${tag('tt:Uri', uri)}${tag('tt:InvalidAfterConnect', false)}${tag('tt:InvalidAfterReboot', false)}` +
  '<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>';

function wantedTransport({ body }: Call): WantedTransport {
  if (findText(body, 'StreamSetup', 'Stream') === 'RTP-Multicast') {
    return 'multicast';
  }
  const protocol = findText(body, 'StreamSetup', 'Transport', 'Protocol') ?? 'RTSP';
  const transport = PROTOCOLS[protocol.toUpperCase()];
  if (!transport) {
    throw fault(`no transport '${protocol.slice(0, 40)}'`, 'InvalidArgVal', 'InvalidStreamSetup');
  }
  return transport;
}

/** Writes a profile; the elements are in the order of the schema. */
function writeProfile(name: string, profile: Profile, all: readonly Profile[], moves: PtzAxes | undefined): string {
  const { audio } = profile;
  return (
    `<${name} token="${profile.token}" fixed="true">${tag('tt:Name', profile.name)}` +
    videoSourceConfiguration('tt:VideoSourceConfiguration', all) +
    (audio ? audioSourceConfiguration('tt:AudioSourceConfiguration') : '') +
    videoEncoder('tt:VideoEncoderConfiguration', profile) +
    (audio ? audioEncoder1('tt:AudioEncoderConfiguration', profile) : '') +
    (moves ? ptzConfiguration('tt:PTZConfiguration', moves) : '') +
    `</${name}>`
  );
}

function videoSource(profiles: readonly Profile[]): string {
  const { width, height } = sensorOf(profiles);
  return (
    `<trt:VideoSources token="${VIDEO_SOURCE}">${tag('tt:Framerate', profiles[0]?.fps ?? 0)}` +
    `<tt:Resolution>${tag('tt:Width', width)}${tag('tt:Height', height)}</tt:Resolution></trt:VideoSources>`
  );
}

function audioSource(profiles: readonly Profile[]): string {
  const audio = profiles.find((profile) => profile.audio)?.audio;
  return audio
    ? `<trt:AudioSources token="${AUDIO_SOURCE}">${tag('tt:Channels', audio.channels)}</trt:AudioSources>`
    : '';
}

export function videoSourceConfiguration(name: string, profiles: readonly Profile[]): string {
  const { width, height } = sensorOf(profiles);
  return (
    `<${name} token="${VIDEO_SOURCE_CONFIGURATION}">${tag('tt:Name', 'Picture')}${tag('tt:UseCount', profiles.length)}` +
    `${tag('tt:SourceToken', VIDEO_SOURCE)}<tt:Bounds x="0" y="0" width="${width}" height="${height}"/></${name}>`
  );
}

export const audioSourceConfiguration = (name: string): string =>
  `<${name} token="${AUDIO_SOURCE}">${tag('tt:Name', 'Sound')}${tag('tt:UseCount', 1)}${tag('tt:SourceToken', AUDIO_SOURCE)}</${name}>`;

const range = (name: string, value: number): string =>
  `<tt:${name}>${tag('tt:Min', value)}${tag('tt:Max', value)}</tt:${name}>`;

/** The only options are the present settings: Perch does not control the camera's encoder. */
export function videoSourceOptions(name: string, profiles: readonly Profile[]): string {
  const { width, height } = sensorOf(profiles);
  const bounds = range('XRange', 0) + range('YRange', 0) + range('WidthRange', width) + range('HeightRange', height);
  return `<${name}><tt:BoundsRange>${bounds}</tt:BoundsRange>${tag('tt:VideoSourceTokensAvailable', VIDEO_SOURCE)}</${name}>`;
}

export const audioSourceOptions = (name: string): string =>
  `<${name}>${tag('tt:InputTokensAvailable', AUDIO_SOURCE)}</${name}>`;

export function audioEncoderOptions(name: string, encoding: string, { audio }: Profile): string {
  const { rateHz = 0, bitrateKbps = 0 } = audio ?? {};
  return (
    `<${name}>${tag('tt:Encoding', encoding)}<tt:BitrateList>${tag('tt:Items', bitrateKbps)}</tt:BitrateList>` +
    `<tt:SampleRateList>${tag('tt:Items', Math.round(rateHz / 1000))}</tt:SampleRateList></${name}>`
  );
}

const MULTICAST =
  '<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>' +
  '<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>';

function videoEncoder(name: string, profile: Profile): string {
  const { token, name: title, video, width, height, fps, bitrateKbps, groupFrames } = profile;
  const encoding = VIDEO_ENCODINGS.includes(video) ? video : 'H264';
  const details =
    encoding === 'H264'
      ? `<tt:H264>${tag('tt:GovLength', groupFrames)}${tag('tt:H264Profile', h264Profile(profile))}</tt:H264>`
      : '';
  return (
    `<${name} token="${token}">${tag('tt:Name', title)}${tag('tt:UseCount', 1)}${tag('tt:Encoding', encoding)}` +
    `<tt:Resolution>${tag('tt:Width', width)}${tag('tt:Height', height)}</tt:Resolution>${tag('tt:Quality', 5)}` +
    `<tt:RateControl>${tag('tt:FrameRateLimit', wholeFps(fps))}${tag('tt:EncodingInterval', 1)}${tag('tt:BitrateLimit', bitrateKbps)}</tt:RateControl>` +
    `${details}${MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout></${name}>`
  );
}

/** Media 1 has only whole frame rates. */
const wholeFps = (fps: number): number => Math.max(1, Math.round(fps));

/** H.264 profile; `Main` for other codecs, which Media 1 does not have. */
const h264Profile = ({ video, codecProfile }: Profile): string =>
  video === 'H264' && codecProfile !== undefined ? codecProfile : 'Main';

const audioEncoding = ({ audio }: Profile): string => AUDIO_ENCODINGS[audio?.encoding ?? ''] ?? 'AAC';

const audioEncoder1 = (name: string, profile: Profile): string =>
  audioEncoder(name, audioEncoding(profile), profile, `${MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout>`);

/** @param end its last elements */
export function audioEncoder(name: string, encoding: string, { token, audio }: Profile, end = ''): string {
  const { rateHz = 0, bitrateKbps = 0 } = audio ?? {};
  return (
    `<${name} token="${token}">${tag('tt:Name', 'Sound')}${tag('tt:UseCount', 1)}${tag('tt:Encoding', encoding)}` +
    `${tag('tt:Bitrate', bitrateKbps)}${tag('tt:SampleRate', Math.round(rateHz / 1000))}${end}</${name}>`
  );
}

function videoOptions(profile: Profile): string {
  const { width, height, fps, groupFrames } = profile;
  return (
    `<trt:Options>${range('QualityRange', 5)}<tt:H264><tt:ResolutionsAvailable>${tag('tt:Width', width)}${tag('tt:Height', height)}` +
    `</tt:ResolutionsAvailable>${range('GovLengthRange', groupFrames)}${range('FrameRateRange', wholeFps(fps))}` +
    `${range('EncodingIntervalRange', 1)}${tag('tt:H264ProfilesSupported', h264Profile(profile))}</tt:H264></trt:Options>`
  );
}
