import { elements, findText } from '../../../onvif/soap/xml/xml.ts';
import type { Call, OnvifSource, Operations } from './contract.ts';
import {
  audioEncoder,
  audioEncoderOptions,
  audioSourceConfiguration,
  audioSourceOptions,
  ifAudio,
  listed,
  videoSourceConfiguration,
  videoSourceOptions,
  withAudio,
} from './media-service.ts';
import { findProfile, type Profile, profilesOf } from './profiles.ts';
import { type PtzAxes, type PtzLookup, ptzConfiguration } from './ptz-configuration.ts';
import { capabilities, SERVICE_CAPABILITIES } from './service-capabilities.ts';
import { fault, tag } from './soap.ts';
import { snapshotUri, streamUri, type WantedTransport } from './stream-uri.ts';

/** Names of encodings in Media 2, which are IANA media subtypes. */
const MEDIA_TYPES: Readonly<Record<string, string>> = { AAC: 'MP4A-LATM', MPEG4: 'MPV4-ES' };
const typeOf = (encoding: string): string => MEDIA_TYPES[encoding] ?? encoding;
const audioType = ({ audio }: Profile): string => typeOf(audio?.encoding ?? '');
const PROTOCOLS: Readonly<Record<string, WantedTransport>> = {
  RTSP: 'tcp',
  RtspUnicast: 'udp',
  RtspMulticast: 'multicast',
  RtspOverHttp: 'http',
  RtspsUnicast: 'udp',
};

/** The ONVIF media service, version 2 (Profile T). */
export function media2Operations(source: OnvifSource, ptz: PtzLookup): Operations {
  const profileIn = ({ camera, body }: Call) => findProfile(camera, findText(body, 'ProfileToken'), source);
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
    ...listed('tr2', source, {
      GetVideoSourceConfigurations: (_, all) => videoSourceConfiguration('tr2:Configurations', all),
      GetVideoSourceConfigurationOptions: (_, all) => videoSourceOptions('tr2:Options', all),
      GetVideoEncoderConfigurations: (profiles) => profiles.map((one) => videoEncoder('tr2:Configurations', one)),
      GetVideoEncoderConfigurationOptions: (profiles) => profiles.map(videoOptions),
      GetVideoEncoderInstances: (_, all) => encoderInstances(all),
      GetAudioSourceConfigurations: (_, all) => ifAudio(all, audioSourceConfiguration('tr2:Configurations')),
      GetAudioSourceConfigurationOptions: () => audioSourceOptions('tr2:Options'),
      GetAudioEncoderConfigurations: (profiles) =>
        withAudio(profiles).map((one) => audioEncoder('tr2:Configurations', audioType(one), one)),
      GetAudioEncoderConfigurationOptions: (profiles) =>
        withAudio(profiles).map((one) => audioEncoderOptions('tr2:Options', audioType(one), one)),
      GetMetadataConfigurations: () => '',
      GetAnalyticsConfigurations: () => '',
      // The encoder is in the camera: Perch does not determine when its next key frame comes.
      SetSynchronizationPoint: () => '',
    }),
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
    (has('AudioEncoder') && audio ? audioEncoder('tr2:AudioEncoder', audioType(profile), profile) : '') +
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

/** The only options are the present settings: Perch does not control the camera's encoder. */
const videoOptions = ({ video, width, height, codecProfile, fps, groupFrames, bitrateKbps }: Profile): string =>
  `<tr2:Options GovLengthRange="${groupFrames}" FrameRatesSupported="${fps}"` +
  `${codecProfile === undefined ? '' : ` ProfilesSupported="${codecProfile}"`}>${tag('tt:Encoding', typeOf(video))}` +
  '<tt:QualityRange><tt:Min>5</tt:Min><tt:Max>5</tt:Max></tt:QualityRange>' +
  `<tt:ResolutionsAvailable>${tag('tt:Width', width)}${tag('tt:Height', height)}</tt:ResolutionsAvailable>` +
  `<tt:BitrateRange>${tag('tt:Min', bitrateKbps)}${tag('tt:Max', bitrateKbps)}</tt:BitrateRange></tr2:Options>`;
