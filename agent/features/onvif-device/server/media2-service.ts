import { elements, findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operation, Operations } from './contract.ts';
import { audioSourceConfiguration, videoSourceConfiguration } from './media-service.ts';
import { findProfile, type Profile, profilesOf } from './profiles.ts';
import { type PtzAxes, type PtzLookup, ptzConfiguration } from './ptz-configuration.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { fault, tag } from './soap.ts';
import { snapshotUri, streamUri, type WantedTransport } from './stream-uri.ts';

/** Names of encodings in Media 2, which are IANA media subtypes. */
const MEDIA_TYPES: Readonly<Record<string, string>> = { AAC: 'MP4A-LATM', MPEG4: 'MPV4-ES' };
const typeOf = (encoding: string): string => MEDIA_TYPES[encoding] ?? encoding;
const PROTOCOLS: Readonly<Record<string, WantedTransport>> = {
  RTSP: 'tcp',
  RtspUnicast: 'udp',
  RtspMulticast: 'multicast',
  RtspOverHttp: 'http',
  RtspsUnicast: 'udp',
};

/** The ONVIF media service, version 2 (Profile T). */
export function media2Operations(source: OnvifSource, ptz: PtzLookup): Operations {
  const listed = (operation: string, write: (profiles: readonly Profile[]) => string): Operation => ({
    answer: ({ camera }) => reply(operation, write(profilesOf(camera, source))),
  });
  /** The profile that the request names (as profile or by its configuration), else all profiles. */
  const chosen = ({ camera, body }: Call): readonly Profile[] => {
    const token = findText(body, 'ConfigurationToken') ?? findText(body, 'ProfileToken');
    return token === undefined ? profilesOf(camera, source) : [findProfile(camera, token, source)];
  };
  const profileIn = ({ camera, body }: Call) => findProfile(camera, findText(body, 'ProfileToken'), source);
  const withAudio = (profiles: readonly Profile[]) => profiles.filter(({ audio }) => audio);
  return {
    'tr2:GetServiceCapabilities': { isOpen: true, answer: () => capabilities('tr2', SERVICE_CAPABILITIES.media2) },
    'tr2:GetProfiles': {
      answer: async ({ camera, body }) => {
        const all = profilesOf(camera, source);
        const token = findText(body, 'Token');
        const wanted = token === undefined ? all : [findProfile(camera, token, source)];
        // Without a type no configurations are listed (Media 2 §5.2.2).
        const types = elements(body, 'Type').map((element) => findText(element) ?? '');
        const moves = types.some((type) => type === 'All' || type === 'PTZ') ? await ptz(camera.path) : undefined;
        return reply('GetProfiles', wanted.map((profile) => writeProfile(profile, all, types, moves)).join(''));
      },
    },
    'tr2:GetVideoSourceConfigurations': listed('GetVideoSourceConfigurations', (profiles) =>
      videoSourceConfiguration('tr2:Configurations', profiles),
    ),
    'tr2:GetVideoEncoderConfigurations': {
      answer: (call) =>
        reply(
          'GetVideoEncoderConfigurations',
          chosen(call)
            .map((profile) => videoEncoder('tr2:Configurations', profile))
            .join(''),
        ),
    },
    'tr2:GetVideoEncoderConfigurationOptions': {
      answer: (call) => reply('GetVideoEncoderConfigurationOptions', chosen(call).map(videoOptions).join('')),
    },
    'tr2:GetVideoEncoderInstances': listed('GetVideoEncoderInstances', encoderInstances),
    'tr2:GetAudioSourceConfigurations': listed('GetAudioSourceConfigurations', (profiles) =>
      withAudio(profiles).length > 0 ? audioSourceConfiguration('tr2:Configurations') : '',
    ),
    'tr2:GetAudioEncoderConfigurations': {
      answer: (call) =>
        reply(
          'GetAudioEncoderConfigurations',
          withAudio(chosen(call))
            .map((profile) => audioEncoder('tr2:Configurations', profile))
            .join(''),
        ),
    },
    'tr2:GetMetadataConfigurations': listed('GetMetadataConfigurations', () => ''),
    'tr2:GetAnalyticsConfigurations': listed('GetAnalyticsConfigurations', () => ''),
    'tr2:GetStreamUri': {
      answer: (call) => {
        const protocol = findText(call.body, 'Protocol') ?? 'RTSP';
        const transport = PROTOCOLS[protocol];
        if (!transport) {
          throw fault(`no transport '${protocol.slice(0, 40)}'`, 'InvalidArgVal', 'InvalidStreamSetup');
        }
        return reply('GetStreamUri', tag('tr2:Uri', streamUri(call, profileIn(call), transport, source)));
      },
    },
    'tr2:GetSnapshotUri': {
      answer: (call) => reply('GetSnapshotUri', tag('tr2:Uri', snapshotUri(call, profileIn(call), source))),
    },
    // The encoder is in the camera: Perch does not determine when its next key frame comes.
    'tr2:SetSynchronizationPoint': {
      answer: (call) => {
        profileIn(call);
        return reply('SetSynchronizationPoint', '');
      },
    },
  };
}

const reply = (operation: string, content: string): string =>
  `<tr2:${operation}Response>${content}</tr2:${operation}Response>`;

function writeProfile(
  profile: Profile,
  all: readonly Profile[],
  types: readonly string[],
  moves: PtzAxes | undefined,
): string {
  const has = (type: string) => types.includes('All') || types.includes(type);
  const { audio } = profile;
  const parts =
    (has('VideoSource') ? videoSourceConfiguration('tr2:VideoSource', all) : '') +
    (has('AudioSource') && audio ? audioSourceConfiguration('tr2:AudioSource') : '') +
    (has('VideoEncoder') ? videoEncoder('tr2:VideoEncoder', profile) : '') +
    (has('AudioEncoder') && audio ? audioEncoder('tr2:AudioEncoder', profile) : '') +
    (moves ? ptzConfiguration('tr2:PTZ', moves) : '');
  const configurations = types.length === 0 ? '' : `<tr2:Configurations>${parts}</tr2:Configurations>`;
  return `<tr2:Profiles token="${profile.token}" fixed="true">${tag('tr2:Name', profile.name)}${configurations}</tr2:Profiles>`;
}

const videoEncoder = (
  name: string,
  { token, name: title, video, width, height, codecProfile, fps, groupFrames, bitrateKbps }: Profile,
): string =>
  `<${name} token="${token}" GovLength="${groupFrames}"${codecProfile === undefined ? '' : ` Profile="${codecProfile}"`}>` +
  `${tag('tt:Name', title)}${tag('tt:UseCount', 1)}${tag('tt:Encoding', typeOf(video))}` +
  `<tt:Resolution>${tag('tt:Width', width)}${tag('tt:Height', height)}</tt:Resolution>` +
  `<tt:RateControl ConstantBitRate="false">${tag('tt:FrameRateLimit', fps)}${tag('tt:BitrateLimit', bitrateKbps)}</tt:RateControl>` +
  `${tag('tt:Quality', 5)}</${name}>`;

/** Writes how many encoder instances there are: each stream has its own encoder in the camera. */
function encoderInstances(profiles: readonly Profile[]): string {
  const codecs = [...Map.groupBy(profiles, ({ video }) => typeOf(video))].map(
    ([encoding, { length }]) => `<tr2:Codec>${tag('tr2:Encoding', encoding)}${tag('tr2:Number', length)}</tr2:Codec>`,
  );
  return `<tr2:Info>${codecs.join('')}${tag('tr2:Total', profiles.length)}</tr2:Info>`;
}

const audioEncoder = (name: string, { token, audio }: Profile): string => {
  const { encoding = '', rateHz = 0, bitrateKbps = 0 } = audio ?? {};
  return (
    `<${name} token="${token}">${tag('tt:Name', 'Sound')}${tag('tt:UseCount', 1)}${tag('tt:Encoding', typeOf(encoding))}` +
    `${tag('tt:Bitrate', bitrateKbps)}${tag('tt:SampleRate', Math.round(rateHz / 1000))}</${name}>`
  );
};

/** The only options are the present settings: Perch does not control the camera's encoder. */
const videoOptions = ({ video, width, height, codecProfile, fps, groupFrames, bitrateKbps }: Profile): string =>
  `<tr2:Options GovLengthRange="${groupFrames}" FrameRatesSupported="${fps}"` +
  `${codecProfile === undefined ? '' : ` ProfilesSupported="${codecProfile}"`}>${tag('tt:Encoding', typeOf(video))}` +
  '<tt:QualityRange><tt:Min>5</tt:Min><tt:Max>5</tt:Max></tt:QualityRange>' +
  `<tt:ResolutionsAvailable>${tag('tt:Width', width)}${tag('tt:Height', height)}</tt:ResolutionsAvailable>` +
  `<tt:BitrateRange>${tag('tt:Min', bitrateKbps)}${tag('tt:Max', bitrateKbps)}</tt:BitrateRange></tr2:Options>`;
