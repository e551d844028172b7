import { findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operation, Operations } from './contract.ts';
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

/** The ONVIF media service, version 1 (Profile S). */
export function mediaOperations(source: OnvifSource, ptz: PtzLookup): Operations {
  const listed = (operation: string, write: (profiles: readonly Profile[]) => string): Operation => ({
    answer: ({ camera }) => reply(operation, write(profilesOf(camera, source))),
  });
  const withAudio = (profiles: readonly Profile[]) => profiles.filter(({ audio }) => audio);
  const encoderOf = ({ camera, body }: Call) =>
    findProfile(camera, findText(body, 'ConfigurationToken') ?? findText(body, 'ProfileToken'), source);
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
      answer: async ({ camera, body }) => {
        const profile = findProfile(camera, findText(body, 'ProfileToken'), source);
        const moves = await ptz(camera.path);
        return reply('GetProfile', writeProfile('trt:Profile', profile, profilesOf(camera, source), moves));
      },
    },
    'trt:GetVideoSources': listed('GetVideoSources', (profiles) => videoSource(profiles)),
    'trt:GetVideoSourceConfigurations': listed('GetVideoSourceConfigurations', (profiles) =>
      videoSourceConfiguration('trt:Configurations', profiles),
    ),
    'trt:GetVideoSourceConfiguration': listed('GetVideoSourceConfiguration', (profiles) =>
      videoSourceConfiguration('trt:Configuration', profiles),
    ),
    'trt:GetVideoEncoderConfigurations': listed('GetVideoEncoderConfigurations', (profiles) =>
      profiles.map((profile) => videoEncoder('trt:Configurations', profile)).join(''),
    ),
    'trt:GetVideoEncoderConfiguration': {
      answer: (call) => reply('GetVideoEncoderConfiguration', videoEncoder('trt:Configuration', encoderOf(call))),
    },
    'trt:GetVideoEncoderConfigurationOptions': {
      answer: (call) => reply('GetVideoEncoderConfigurationOptions', videoOptions(encoderOf(call))),
    },
    'trt:GetAudioSources': listed('GetAudioSources', (profiles) => audioSource(profiles)),
    'trt:GetAudioSourceConfigurations': listed('GetAudioSourceConfigurations', (profiles) =>
      withAudio(profiles).length > 0 ? audioSourceConfiguration('trt:Configurations') : '',
    ),
    'trt:GetAudioEncoderConfigurations': listed('GetAudioEncoderConfigurations', (profiles) =>
      withAudio(profiles)
        .map((profile) => audioEncoder('trt:Configurations', profile))
        .join(''),
    ),
    'trt:GetMetadataConfigurations': listed('GetMetadataConfigurations', () => ''),
    'trt:GetGuaranteedNumberOfVideoEncoderInstances': listed(
      'GetGuaranteedNumberOfVideoEncoderInstances',
      (profiles) => tag('trt:TotalNumber', profiles.length) + tag('trt:H264', profiles.length),
    ),
    'trt:GetStreamUri': {
      answer: (call) => {
        const profile = findProfile(call.camera, findText(call.body, 'ProfileToken'), source);
        return reply('GetStreamUri', mediaUri(streamUri(call, profile, wantedTransport(call), source)));
      },
    },
    'trt:GetSnapshotUri': {
      answer: (call) => {
        const profile = findProfile(call.camera, findText(call.body, 'ProfileToken'), source);
        return reply('GetSnapshotUri', mediaUri(snapshotUri(call, profile, source)));
      },
    },
    // The encoder is in the camera: Perch does not determine when its next key frame comes.
    'trt:SetSynchronizationPoint': {
      answer: ({ camera, body }) => {
        findProfile(camera, findText(body, 'ProfileToken'), source);
        return reply('SetSynchronizationPoint', '');
      },
    },
  };
}

const reply = (operation: string, content: string): string =>
  `<trt:${operation}Response>${content}</trt:${operation}Response>`;

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
    (audio ? audioEncoder('tt:AudioEncoderConfiguration', profile) : '') +
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

function audioEncoder(name: string, { token, audio }: Profile): string {
  const { encoding = '', rateHz = 0, bitrateKbps = 0 } = audio ?? {};
  return (
    `<${name} token="${token}">${tag('tt:Name', 'Sound')}${tag('tt:UseCount', 1)}` +
    `${tag('tt:Encoding', AUDIO_ENCODINGS[encoding] ?? 'AAC')}${tag('tt:Bitrate', bitrateKbps)}${tag('tt:SampleRate', Math.round(rateHz / 1000))}` +
    `${MULTICAST}<tt:SessionTimeout>PT60S</tt:SessionTimeout></${name}>`
  );
}

/** The only options are the present settings: Perch does not control the camera's encoder. */
function videoOptions(profile: Profile): string {
  const { width, height, fps, groupFrames } = profile;
  const only = (name: string, value: number) =>
    `<tt:${name}>${tag('tt:Min', value)}${tag('tt:Max', value)}</tt:${name}>`;
  return (
    `<trt:Options>${only('QualityRange', 5)}<tt:H264><tt:ResolutionsAvailable>${tag('tt:Width', width)}${tag('tt:Height', height)}` +
    `</tt:ResolutionsAvailable>${only('GovLengthRange', groupFrames)}${only('FrameRateRange', wholeFps(fps))}` +
    `${only('EncodingIntervalRange', 1)}${tag('tt:H264ProfilesSupported', h264Profile(profile))}</tt:H264></trt:Options>`
  );
}
