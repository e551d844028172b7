import { writeEncoder, writeProfile } from '../../../agent/demo-camera/onvif-replies.ts';
import { escapeXml } from '../../../agent/onvif/soap/xml/xml.ts';
import { attributeOf, type Call, Fault, notSupported, numberOf, type Operations, SERVICES } from '../call.ts';
import type { MediaQuirks } from '../quirks/media.ts';
import { asStreamProfile, type CameraState, type SimulatedProfile } from '../state.ts';
import { streamUri } from '../stream-side.ts';
import { maskOperations } from './masks.ts';
import { osdOperations } from './osd.ts';
import { hasPtz, PTZ_CONFIGURATION } from './ptz-service.ts';

export const SNAPSHOT_PATH = '/onvif/snapshot';

/** Media 1 knows no H.265 (the schema's enumeration ends before it). */
const knownToMedia1 = ({ codec }: SimulatedProfile): boolean => codec !== 'H265';

const answerOf = (prefix: 'trt' | 'tr2', operation: string, inner = ''): string =>
  `<${prefix}:${operation}Response xmlns:${prefix}="${SERVICES[prefix === 'trt' ? 'media' : 'media2']}">${inner}</${prefix}:${operation}Response>`;

/** Common to both versions. */
function common(state: CameraState, prefix: 'trt' | 'tr2'): Operations {
  const { quirks } = state;
  const answer = (operation: string, inner = '') => answerOf(prefix, operation, inner);
  return {
    GetSnapshotUri: (call) => {
      if (quirks.snapshot === 'none') {
        throw notSupported();
      }
      const uri = `${call.base}${SNAPSHOT_PATH}?profile=${encodeURIComponent(profileOf(state, call).token)}&amp;size=full`;
      return answer(
        'GetSnapshotUri',
        prefix === 'trt' ? `<trt:MediaUri><tt:Uri>${uri}</tt:Uri></trt:MediaUri>` : `<tr2:Uri>${uri}</tr2:Uri>`,
      );
    },
    SetSynchronizationPoint: (call) => {
      const profile = profileOf(state, call);
      state.keyFrameRequests.push(profile.token);
      if (!quirks.ignoresKeyFrameRequests) {
        state.requestKeyFrame(profile.stream);
      }
      return answer('SetSynchronizationPoint');
    },
    SetVideoEncoderConfiguration: (call) => {
      setEncoder(state, call);
      return answer('SetVideoEncoderConfiguration');
    },
    ...osdOperations(state, answer),
    GetVideoEncoderConfigurationOptions: () => answer('GetVideoEncoderConfigurationOptions', encoderOptions(prefix)),
  };
}

export function mediaOperations(state: CameraState): Operations {
  const { quirks } = state;
  const list = () => state.profiles.filter(knownToMedia1);
  const answer = (operation: string, inner = '') => answerOf('trt', operation, inner);
  return {
    ...common(state, 'trt'),
    GetProfiles: () =>
      answer(
        'GetProfiles',
        edited(
          quirks,
          (quirks.hasSoundOnlyProfile ? soundOnly('trt') : '') +
            list()
              .map((each) => profile1(state, each))
              .join(''),
        ),
      ),
    GetProfile: (call) => {
      const one = profile1(state, profileOf(state, call));
      return answer('GetProfile', edited(quirks, one).replace(/trt:Profiles/g, 'trt:Profile'));
    },
    GetVideoEncoderConfigurations: () =>
      answer(
        'GetVideoEncoderConfigurations',
        edited(
          quirks,
          list()
            .map((each) => encoder1('trt:Configurations', each))
            .join(''),
        ),
      ),
    GetVideoEncoderConfiguration: (call) => {
      const wanted = encoderOf(state, call.argument('ConfigurationToken'));
      return answer('GetVideoEncoderConfiguration', edited(quirks, encoder1('trt:Configuration', wanted)));
    },
    GetVideoSources: () => answer('GetVideoSources', videoSources(state)),
    GetStreamUri: (call) => {
      const uri = streamUri(state, call, profileOf(state, call));
      return answer(
        'GetStreamUri',
        `<trt:MediaUri><tt:Uri>${uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>` +
          '<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri>',
      );
    },
  };
}

export function media2Operations(state: CameraState): Operations {
  const { quirks } = state;
  const answer = (operation: string, inner = '') => answerOf('tr2', operation, inner);
  const operations: Operations = {
    ...common(state, 'tr2'),
    GetProfiles: (call) => {
      const sound = quirks.hasSoundOnlyProfile ? soundOnly('tr2') : '';
      const wantsAll = call.argument('Type') !== undefined;
      const list = state.profiles.map((each) => profile2(state, each, wantsAll)).join('');
      return answer('GetProfiles', edited(quirks, sound + list));
    },
    GetVideoEncoderConfigurations: (call) => {
      const token = call.argument('ConfigurationToken');
      const list = token === undefined ? state.profiles : [encoderOf(state, token)];
      return answer(
        'GetVideoEncoderConfigurations',
        edited(quirks, list.map((each) => encoder2('tr2:Configurations', each)).join('')),
      );
    },
    ...maskOperations(state, answer),
    GetVideoSourceConfigurations: () => answer('GetVideoSourceConfigurations', videoSourceConfigurations(state)),
    GetStreamUri: (call) =>
      answer('GetStreamUri', `<tr2:Uri>${streamUri(state, call, profileOf(state, call))}</tr2:Uri>`),
  };
  if (quirks.media !== '2 broken') {
    return operations;
  }
  const fail = () => {
    throw new Fault('Action', 'wsdl error', { isSender: false });
  };
  return Object.fromEntries(Object.keys(operations).map((name) => [name, fail]));
}

function profileOf(state: CameraState, call: Call): SimulatedProfile {
  const profile = state.profile(call.argument('ProfileToken'));
  if (!profile) {
    throw new Fault('NoProfile', 'no profile of this token');
  }
  return profile;
}

function encoderOf(state: CameraState, token: string | undefined): SimulatedProfile {
  const profile = state.profile(token);
  if (!profile) {
    throw new Fault('NoConfig', 'no configuration of this token');
  }
  return profile;
}

/** Sizes and codecs only change the reported values: the stream remains the demo camera's. */
function setEncoder(state: CameraState, call: Call): void {
  const { refusesEncoderChanges, ignoresEncoderChanges } = state.quirks;
  const profile = encoderOf(state, attributeOf(call, 'Configuration', 'token'));
  if (refusesEncoderChanges) {
    throw new Fault('ConfigModify', 'parameters cannot be set');
  }
  const group = numberOf(call.argument('GovLength') ?? attributeOf(call, 'Configuration', 'GovLength'));
  const fps = numberOf(call.argument('FrameRateLimit'));
  const kbitPerSecond = numberOf(call.argument('BitrateLimit'));
  if (group !== undefined && (group < 1 || group > 400)) {
    throw new Fault('ConfigModify', 'group of pictures out of range');
  }
  const codec = call.argument('Encoding');
  if (codec !== undefined && codec !== 'H264' && codec !== 'H265' && codec !== 'JPEG') {
    throw new Fault('ConfigModify', 'unknown codec');
  }
  if (!ignoresEncoderChanges) {
    Object.assign(profile, {
      codec: codec ?? profile.codec,
      width: numberOf(call.argument('Width')) ?? profile.width,
      height: numberOf(call.argument('Height')) ?? profile.height,
      group: group ?? profile.group,
      fps: fps ?? profile.fps,
      kbitPerSecond: kbitPerSecond ?? profile.kbitPerSecond,
    });
    // Like real cameras when their encoder restarts.
    if (profile.kbitPerSecond > (state.quirks.losesStreamAboveKbps ?? Number.POSITIVE_INFINITY)) {
      void state.endStreams();
    }
  }
}

function encoder1(element: string, profile: SimulatedProfile): string {
  const text = writeEncoder(element, { ...asStreamProfile(profile), token: escapeXml(profile.token) });
  return profile.codec === 'H264'
    ? text
    : text.replace('>H264<', `>${profile.codec}<`).replace(/<tt:H264>.*<\/tt:H264>/s, '');
}

/** Each lens once, with the size of its first profile. */
function videoSources({ profiles }: CameraState): string {
  const firsts = new Map(profiles.toReversed().map((profile) => [sourceOf(profile), profile]));
  return [...firsts]
    .toReversed()
    .map(
      ([token, { width, height, fps }]) =>
        `<trt:VideoSources token="${token}"><tt:Framerate>${fps}</tt:Framerate><tt:Resolution><tt:Width>${width}</tt:Width>` +
        `<tt:Height>${height}</tt:Height></tt:Resolution></trt:VideoSources>`,
    )
    .join('');
}

function videoSourceConfigurations({ profiles }: CameraState): string {
  return [...new Set(profiles.map(sourceOf))]
    .map(
      (token) =>
        `<tr2:Configurations token="${token}"><tt:Name>video</tt:Name><tt:UseCount>2</tt:UseCount>` +
        `<tt:SourceToken>${token}</tt:SourceToken><tt:Bounds x="0" y="0" width="640" height="360"/></tr2:Configurations>`,
    )
    .join('');
}

const sourceOf = ({ source }: SimulatedProfile): string => source ?? 'video';

function profile1(state: CameraState, profile: SimulatedProfile): string {
  const plain = { ...asStreamProfile(profile), token: escapeXml(profile.token) };
  let text = writeProfile(plain, hasPtz(state) ? PTZ_CONFIGURATION : '');
  text = text.replace(/<tt:VideoEncoderConfiguration.*<\/tt:VideoEncoderConfiguration>/s, () =>
    profile.codec === undefined ? '' : encoder1('tt:VideoEncoderConfiguration', profile),
  );
  text = text
    .replace('VideoSourceConfiguration token="video"', `VideoSourceConfiguration token="${sourceOf(profile)}"`)
    .replace('<tt:SourceToken>video<', `<tt:SourceToken>${sourceOf(profile)}<`);
  text = text.replace(/<tt:Name>[^<]*</, () => `<tt:Name>${escapeXml(profile.name)}<`);
  return state.quirks.hasSound === false
    ? text.replace(/<tt:AudioEncoderConfiguration.*<\/tt:AudioEncoderConfiguration>/s, '')
    : text;
}

function encoder2(element: string, profile: SimulatedProfile): string {
  return (
    `<${element} token="${escapeXml(profile.token)}" GovLength="${profile.group}" Profile="Main"><tt:Name>${escapeXml(profile.token)}</tt:Name>` +
    `<tt:UseCount>1</tt:UseCount><tt:Encoding>${profile.codec}</tt:Encoding><tt:Resolution><tt:Width>${profile.width}</tt:Width>` +
    `<tt:Height>${profile.height}</tt:Height></tt:Resolution><tt:RateControl ConstantBitRate="false">` +
    `<tt:FrameRateLimit>${profile.fps}</tt:FrameRateLimit><tt:BitrateLimit>${profile.kbitPerSecond}</tt:BitrateLimit></tt:RateControl>` +
    `<tt:Quality>4</tt:Quality></${element}>`
  );
}

/** Without Type in the request Media 2 leaves all configurations out. */
function profile2(state: CameraState, profile: SimulatedProfile, hasConfigurations: boolean): string {
  const configurations =
    `<tr2:VideoSource token="${sourceOf(profile)}"><tt:Name>video</tt:Name><tt:UseCount>2</tt:UseCount>` +
    `<tt:SourceToken>${sourceOf(profile)}</tt:SourceToken>` +
    `<tt:Bounds x="0" y="0" width="${profile.width}" height="${profile.height}"/></tr2:VideoSource>` +
    (profile.codec === undefined ? '' : encoder2('tr2:VideoEncoder', profile)) +
    (state.quirks.hasSound === false
      ? ''
      : '<tr2:AudioEncoder token="audio"><tt:Name>audio</tt:Name><tt:UseCount>2</tt:UseCount><tt:Encoding>PCMA</tt:Encoding>' +
        '<tt:Bitrate>64</tt:Bitrate><tt:SampleRate>8</tt:SampleRate></tr2:AudioEncoder>') +
    (hasPtz(state) ? PTZ_CONFIGURATION.replace(/tt:PTZConfiguration/g, 'tr2:PTZ') : '');
  return (
    `<tr2:Profiles token="${escapeXml(profile.token)}" fixed="true"><tr2:Name>${escapeXml(profile.name)}</tr2:Name>` +
    `${hasConfigurations ? `<tr2:Configurations>${configurations}</tr2:Configurations>` : ''}</tr2:Profiles>`
  );
}

const soundOnly = (prefix: 'trt' | 'tr2'): string =>
  prefix === 'trt'
    ? '<trt:Profiles token="sound" fixed="true"><tt:Name>sound</tt:Name><tt:AudioSourceConfiguration token="mic"/></trt:Profiles>'
    : '<tr2:Profiles token="sound" fixed="true"><tr2:Name>sound</tr2:Name><tr2:Configurations/></tr2:Profiles>';

/** Takes out what a camera leaves out, and writes numbers as it does. */
function edited({ leavesOut = [], writesFloats }: MediaQuirks, xml: string): string {
  let text = xml;
  for (const name of leavesOut) {
    text = text
      .replace(new RegExp(`<tt:${name}(\\s[^>]*)?/>`, 'g'), '')
      .replace(
        new RegExp(`<(t[tr2]+:)${name}(\\s[^>]*)?>.*?</\\1${name}>`, 'gs'),
        name === 'Name' ? '<$1Name></$1Name>' : '',
      );
  }
  return writesFloats
    ? text.replace(/<tt:(Width|Height|FrameRateLimit|BitrateLimit|GovLength)>(\d+)</g, '<tt:$1>$2.000000<')
    : text;
}

function encoderOptions(prefix: 'trt' | 'tr2'): string {
  const range = (name: string, least: number, most: number) =>
    `<tt:${name}><tt:Min>${least}</tt:Min><tt:Max>${most}</tt:Max></tt:${name}>`;
  const sizes = [
    [640, 360],
    [320, 180],
  ].map(
    ([width, height]) =>
      `<tt:ResolutionsAvailable><tt:Width>${width}</tt:Width><tt:Height>${height}</tt:Height></tt:ResolutionsAvailable>`,
  );
  return prefix === 'trt'
    ? `<trt:Options>${range('QualityRange', 1, 100)}<tt:H264>${sizes.join('')}${range('GovLengthRange', 1, 400)}` +
        `${range('FrameRateRange', 1, 15)}${range('EncodingIntervalRange', 1, 1)}<tt:H264ProfilesSupported>Baseline</tt:H264ProfilesSupported></tt:H264>` +
        `<tt:Extension><tt:H264>${sizes.join('')}${range('BitrateRange', 32, 4096)}</tt:H264></tt:Extension></trt:Options>`
    : ['H264', 'H265']
        .map(
          (codec) =>
            `<tr2:Options GovLengthRange="1 400" FrameRatesSupported="15 10 5"><tt:Encoding>${codec}</tt:Encoding>` +
            `${range('QualityRange', 1, 100)}${sizes.join('')}${range('BitrateRange', 32, 4096)}</tr2:Options>`,
        )
        .join('');
}
