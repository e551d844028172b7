import Type, { type Static, type TObject } from 'typebox';
import type { Resolved } from '../../values/quantity.ts';
import type { Fault } from '../common/key-rules.ts';

const AvailableTrack = Type.Object({
  codec: Type.Enum(['AV1', 'VP9', 'H265', 'H264', 'Opus', 'MPEG4Audio', 'G711', 'LPCM'], {
    description: 'Codec of the track.',
  }),
  sampleRate: Type.Integer({
    minimum: 0,
    maximum: 192_000,
    default: 0,
    description: 'For MPEG4Audio, G711 and LPCM, in Hz.',
  }),
  channelCount: Type.Integer({ minimum: 0, maximum: 8, default: 0, description: 'For MPEG4Audio, G711 and LPCM.' }),
  muLaw: Type.Boolean({ default: false, description: 'For G711: µ-law, else A-law.' }),
});
export type AvailableTrack = Static<typeof AvailableTrack>;

export const ALWAYS_AVAILABLE_KEYS = {
  alwaysAvailable: Type.Boolean({
    default: false,
    description:
      'Keep readers while the source is away. They see since when it is offline, in codecs other than H.264 the last picture.',
  }),
  alwaysAvailableTracks: Type.Array(AvailableTrack, {
    default: [],
    maxItems: 8,
    description: 'Tracks of the stream until the source is online. Empty = no stream before its first connection.',
  }),
  alwaysAvailableFile: Type.String({
    default: '',
    names: 'file',
    description: 'MP4 file to play in a loop while the source is away. Its tracks are those of the stream.',
  }),
};

type Settings = Resolved<Static<TObject<typeof ALWAYS_AVAILABLE_KEYS>>> & {
  readonly source: string;
  readonly sourceOnDemand: boolean;
  readonly runOnDemand: string;
  readonly useAbsoluteTimestamp: boolean;
};

export function alwaysAvailableFaults(settings: Settings, isPattern: boolean): readonly Fault[] {
  const { alwaysAvailable, alwaysAvailableTracks: tracks, alwaysAvailableFile, source } = settings;
  if (!alwaysAvailable) {
    return [];
  }
  const key = 'alwaysAvailable';
  const faults: Fault[] = [];
  if (isPattern) {
    faults.push({ key, message: 'cannot be used for a pattern of names, because the names are not known in advance' });
  }
  for (const other of ['sourceOnDemand', 'runOnDemand', 'useAbsoluteTimestamp'] as const) {
    if (settings[other]) {
      faults.push({ key, message: `cannot be combined with ${other}` });
    }
  }
  if (source === 'redirect') {
    faults.push({ key, message: "cannot be combined with the source 'redirect', which has no stream" });
  }
  if (alwaysAvailableFile !== '' && tracks.length > 0) {
    faults.push({ key: 'alwaysAvailableFile', message: 'cannot be combined with alwaysAvailableTracks' });
  }
  for (const [i, { codec, sampleRate, channelCount }] of tracks.entries()) {
    if (NEEDS_RATE.has(codec) && (sampleRate === 0 || channelCount === 0)) {
      const message = `${codec} needs sampleRate and channelCount`;
      faults.push({ key: `alwaysAvailableTracks[${i}]`, message });
    }
  }
  return faults;
}

const NEEDS_RATE: ReadonlySet<string> = new Set(['MPEG4Audio', 'G711', 'LPCM']);
