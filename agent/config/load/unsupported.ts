import { SERVER_KEYS } from '../schema/global.ts';
import type { Harmless, UnsupportedGroup } from '../schema/key-rules.ts';
import { SOURCE_KEYS } from '../schema/path.ts';
import { parseWord } from '../values/word.ts';
import type { Report } from '../yaml/problem.ts';
import type { Branch, Entry, Tree } from '../yaml/tree.ts';

/** MediaMTX's keys that do nothing here yet; those of a protocol stand with its keys. */
export const UNSUPPORTED_GLOBAL: readonly UnsupportedGroup[] = [
  {
    feature: 'writing the log elsewhere than to the terminal',
    keys: {
      logDestinations: ['stdout'],
      logStructured: false,
      logFile: 'mediamtx.log',
      sysLogPrefix: 'mediamtx',
      dumpPackets: false,
    },
  },
  {
    feature: 'the RTMP server',
    keys: {
      rtmp: false,
      rtmpDisable: true,
      rtmpEncryption: 'no',
      rtmpAddress: ':1935',
      rtmpsAddress: ':1936',
      rtmpServerKey: 'server.key',
      rtmpServerCert: 'server.crt',
      rtmpTrustedProxies: [],
    },
  },
  { feature: 'the SRT server', keys: { srt: false, srtAddress: ':8890' } },
  {
    feature: 'the Media-over-QUIC server',
    keys: {
      moq: false,
      moqHTTP2Address: ':8892',
      moqHTTP3Address: ':8892',
      moqQUICAddress: ':8893',
      moqHTTPS2Address: ':8892',
      moqHTTPS3Address: ':8892',
      moqServerKey: 'auto.key',
      moqServerCert: 'auto.crt',
      moqAllowOrigins: ['*'],
      moqTrustedProxies: [],
    },
  },
  ...SERVER_KEYS.flatMap(({ inert }) => inert),
];

export const UNSUPPORTED_PATH: readonly UnsupportedGroup[] = [
  {
    feature: 'a picture while the source is away',
    keys: { alwaysAvailable: false, alwaysAvailableTracks: [], alwaysAvailableFile: '' },
  },
  ...SOURCE_KEYS.flatMap(({ inert }) => inert),
  {
    feature: 'pulling and publishing over SRT, Media-over-QUIC and WHEP',
    keys: {
      ...{ srtReadPassphrase: '', srtPublishPassphrase: '', moqTransport: 'quic', whepBearerToken: '' },
      ...{ whepSTUNGatherTimeout: '5s', whepHandshakeTimeout: '10s', whepTrackGatherTimeout: '2s' },
    },
  },
  { keys: { forward: [], playback: true } },
  {
    feature: 'the Raspberry Pi camera',
    keys: {
      ...{ rpiCameraCamID: 0, rpiCameraSecondary: false, rpiCameraWidth: 1920, rpiCameraHeight: 1080 },
      ...{ rpiCameraHFlip: false, rpiCameraVFlip: false, rpiCameraBrightness: 0, rpiCameraContrast: 1 },
      ...{ rpiCameraSaturation: 1, rpiCameraSharpness: 1, rpiCameraExposure: 'normal', rpiCameraAWB: 'auto' },
      ...{ rpiCameraAWBGains: [0, 0], rpiCameraDenoise: 'off', rpiCameraShutter: 0, rpiCameraMetering: 'centre' },
      ...{ rpiCameraGain: 0, rpiCameraEV: 0, rpiCameraROI: '', rpiCameraHDR: false, rpiCameraTuningFile: '' },
      ...{ rpiCameraMode: '', rpiCameraFPS: 30, rpiCameraAfMode: 'continuous', rpiCameraAfRange: 'normal' },
      ...{ rpiCameraAfSpeed: 'normal', rpiCameraLensPosition: 0, rpiCameraAfWindow: '', rpiCameraFlickerPeriod: 0 },
      ...{ rpiCameraTextOverlayEnable: false, rpiCameraTextOverlay: '%Y-%m-%d %H:%M:%S - MediaMTX' },
      ...{ rpiCameraCodec: 'auto', rpiCameraIDRPeriod: 60, rpiCameraBitrate: 5000000, rpiCameraH264Profile: 'auto' },
      ...{ rpiCameraH264Level: '4.1', rpiCameraMJPEGQuality: 60, rpiCameraJPEGQuality: 60, rpiCameraProfile: 'main' },
      ...{ rpiCameraLevel: '4.1', rpiCameraHardwareH264Profile: 'main', rpiCameraHardwareH264Level: '4.1' },
      ...{ rpiCameraSoftwareH264Profile: 'baseline', rpiCameraSoftwareH264Level: '4.1' },
    },
  },
];

export const namesOf = (groups: readonly UnsupportedGroup[]): readonly string[] =>
  groups.flatMap((group) => Object.keys(group.keys));

/** Reports the keys of `branch` that do nothing: a warning for values that would have an effect, else a note. */
export function reportUnsupported(
  branch: Branch,
  groups: readonly UnsupportedGroup[],
  prefix: string,
  report: Report,
  path?: string,
): void {
  for (const { feature, keys } of groups) {
    const present = [...branch.entries].filter(([name]) => Object.hasOwn(keys, name));
    const wanted = present.filter(([name, { tree }]) => !isHarmless(tree, keys[name] ?? ''));
    const tell = (severity: 'warn' | 'note', words: string, entries: readonly NamedEntry[]) => {
      const [first, ...others] = entries;
      if (first) {
        const message = others.length === 0 ? words : `${words}, with it ${others.map(nameAndLine).join(', ')}`;
        report.add(severity, first[1], `${prefix}${first[0]}`, message, path);
      }
    };
    for (const entries of feature === undefined ? wanted.map((one) => [one]) : [wanted]) {
      tell('warn', `${feature ?? 'this'} is not supported yet`, entries);
    }
    if (wanted.length === 0) {
      tell('note', 'this does nothing here, and as it is written nothing is missing', present);
    }
  }
}

type NamedEntry = readonly [name: string, entry: Entry];

const nameAndLine = ([name, { line }]: NamedEntry): string => (line === undefined ? name : `${name} (line ${line})`);

function isHarmless(tree: Tree, harmless: Harmless): boolean {
  if (tree.kind === 'leaf') {
    return tree.isNull || isSame(tree.text, harmless);
  }
  if (tree.kind === 'row' && Array.isArray(harmless)) {
    const texts = tree.items.map((item) => (item.kind === 'leaf' ? item.text : ''));
    return texts.length === harmless.length && texts.every((text, i) => isSame(text, harmless[i] ?? ''));
  }
  return false;
}

function isSame(text: string, harmless: Harmless): boolean {
  if (typeof harmless === 'boolean') {
    return parseWord(text) === harmless;
  }
  if (typeof harmless === 'number') {
    return text !== '' && Number(text) === harmless;
  }
  // `rtmpEncryption: no` without quotes means the word of the enumeration.
  return text === harmless || (harmless === 'no' && parseWord(text) === false);
}
