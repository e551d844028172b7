import type { SourceTestAnswer } from '../../api-client/api-types.ts';
import type { PathItem } from '../../api-client/paths.ts';
import { fetchJson } from '../../api-client/request.ts';
import { encodeName } from '../../api-client/urls.ts';
import type { SourceWords } from '../../words/en/settings/sources.ts';
import { sourceWords } from '../../words/settings/sources.ts';
import { pictureSize, videoCodec } from '../camera.ts';

type Reason = { [K in keyof SourceWords]: K extends `why${string}` ? K : never }[keyof SourceWords];

/** Connects to a source as the path would with these settings. */
export const testSource = (name: string, settings: object, signal: AbortSignal): Promise<SourceTestAnswer> =>
  fetchJson<SourceTestAnswer>(`v3/config/paths/test/${encodeName(name)}`, {
    method: 'POST',
    body: settings,
    signal,
    // Time limit of a test, longer than the box's own limit of 30 s.
    limitMs: 45_000,
  });

/** `H.264 · 1920 × 1080 · AAC` */
export function cameText({ tracks2 }: Pick<SourceTestAnswer, 'tracks2'>): string {
  const item = { tracks: tracks2.map(({ codec }) => codec), tracks2 } as unknown as PathItem;
  const video = videoCodec(item);
  const others = tracks2
    .map(({ codec }) => codec)
    .filter((codec) => videoCodec({ tracks: [codec] } as unknown as PathItem) === undefined);
  return [video, pictureSize(item), ...others].filter(Boolean).join(' · ');
}

const REASONS: Readonly<Record<string, Reason>> = {
  password: 'whyPassword',
  forbidden: 'whyPassword',
  noStream: 'whyNoStream',
  noRoom: 'whyNoRoom',
  closed: 'whySilent',
  silent: 'whySilent',
  unknownName: 'whySilent',
  noNetwork: 'whySilent',
  notSupported: 'whyNotSupported',
};

/** Senders connect to the box. */
const isPushed = (source: string): boolean => /^\s*(?:udp|unix)/i.test(source);

/** Why nothing came, in one sentence. */
export function failureText({ why, error }: SourceTestAnswer, source: string): string {
  const t = sourceWords.peek();
  if (isPushed(source) && (why === 'silent' || why === 'refuses')) {
    return t.nothingSent;
  }
  const reason = REASONS[why ?? ''];
  return reason ? t[reason] : t.other(error ?? '');
}
