import type { Mp4Track } from '../../agent/media/mp4/read/read-track.ts';
import type { MediaRun } from './fragments.ts';
import type { Part, Segment, Variant } from './playlist.ts';
import { ROUNDING_S } from './playlist-rules.ts';

/** Differences between a part's bytes and its line. */
export function brokenPart(part: Part, run: MediaRun, { timescale }: Mp4Track): string[] {
  const found = brokenRun(`part ${nameOf(part.uri)}`, run);
  const first = run.samples[0];
  if (first && first.isSync !== part.isIndependent) {
    const begins = first.isSync ? 'begins' : 'does not begin';
    found.push(
      `independence: part ${nameOf(part.uri)} ${begins} with a key sample, its line says ${part.isIndependent}`,
    );
  }
  if (Math.abs(run.durationS - part.durationS) > ROUNDING_S + 1 / timescale) {
    found.push(`duration: part ${nameOf(part.uri)} lasts ${run.durationS} s, its line says ${part.durationS} s`);
  }
  return found;
}

/** @param claimsIndependence of the playlist that lists the segment */
export function brokenSegment(
  segment: Segment,
  run: MediaRun,
  parts: readonly MediaRun[],
  { timescale }: Mp4Track,
  claimsIndependence: boolean,
): string[] {
  const found = brokenRun(`segment ${segment.number}`, run);
  if (Math.abs(run.durationS - segment.durationS) > ROUNDING_S + 1 / timescale) {
    found.push(`duration: segment ${segment.number} lasts ${run.durationS} s, its line says ${segment.durationS} s`);
  }
  if (claimsIndependence && run.samples[0]?.isSync === false) {
    found.push(`independence: segment ${segment.number} does not begin with a key sample, the playlist claims all do`);
  }
  if (parts.length > 0 && parts.length === segment.parts.length && !isSum(run, parts)) {
    found.push(`parts: those of segment ${segment.number} do not hold the samples of the whole`);
  }
  return found;
}

function brokenRun(what: string, run: MediaRun): string[] {
  if (run.samples.length === 0 || run.samples.some(({ sizeBytes }) => sizeBytes === 0)) {
    return [`empty: ${what} has ${run.samples.length} samples, or one without bytes`];
  }
  const gap = run.samples.findIndex((sample, i) => {
    const before = run.samples[i - 1];
    return before && sample.decodeTime !== before.decodeTime + before.duration;
  });
  return gap < 0 ? [] : [`continuity: sample ${gap} of ${what} does not continue the one before it`];
}

function isSum(whole: MediaRun, parts: readonly MediaRun[]): boolean {
  const samples = parts.flatMap((part) => part.samples);
  const data = parts.flatMap((part) => part.data);
  return (
    JSON.stringify(samples) === JSON.stringify(whole.samples) &&
    data.every((bytes, i) => Buffer.compare(bytes, whole.data[i] as Uint8Array) === 0)
  );
}

/** A segment begins where the previous one of the same rendition ended. */
export function brokenContinuity(what: string, before: MediaRun, run: MediaRun, { timescale }: Mp4Track): string[] {
  const gapS = run.startS - before.startS - before.durationS;
  return Math.abs(gapS) > 1.5 / timescale ? [`continuity: ${what} begins ${(gapS * 1000).toFixed(3)} ms off`] : [];
}

export const nameOf = (uri: string): string => uri.replace(/[?#].*$/, '').replace(/^.*\//, '');

/** Faults of a variant with these init segments. */
export function brokenCodecs(variant: Variant, tracks: readonly Mp4Track[]): string[] {
  const has = tracks.map((track) => codecOf(track).toLowerCase()).sort();
  const tells = variant.codecs.map((codec) => codec.toLowerCase()).sort();
  const found =
    JSON.stringify([...new Set(has)]) === JSON.stringify([...new Set(tells)])
      ? []
      : [`codecs: ${variant.uri} tells ${tells.join(',')}, its init segments have ${has.join(',')}`];
  if (variant.codecs.some((codec) => codec.toLowerCase() === 'flac' && codec !== 'fLaC')) {
    found.push(`codecs: ${variant.codecs.join(',')}: FLAC is spelt fLaC`);
  }
  const video = tracks.find((track) => track.kind === 'video');
  if (video && (variant.width !== video.width || variant.height !== video.height)) {
    found.push(`resolution: ${variant.width}x${variant.height} is listed, it is ${video.width}x${video.height}`);
  }
  return found;
}

const hex = (value = 0): string => value.toString(16).padStart(2, '0');
const two = (value: number): string => String(value).padStart(2, '0');

/** RFC 6381 and the bindings of the codecs, read off the sample entry. */
export function codecOf({ codec, sampleEntry }: Mp4Track): string {
  const box = (name: string): Uint8Array => {
    const at = Buffer.from(sampleEntry).indexOf(name, 8, 'latin1');
    return at < 0 ? new Uint8Array(0) : sampleEntry.subarray(at + 4);
  };
  switch (codec) {
    case 'avc1':
      return `avc1.${[...box('avcC').subarray(1, 4)].map(hex).join('')}`;
    case 'hvc1':
      return hevc(box('hvcC'));
    case 'av01': {
      const [, first = 0, second = 0] = box('av1C');
      const depth = second & 0x40 ? (second & 0x20 ? 12 : 10) : 8;
      return `av01.${first >> 5}.${two(first & 31)}${second & 0x80 ? 'H' : 'M'}.${two(depth)}`;
    }
    case 'vp09': {
      const [, , , , profile = 0, level = 0, depth = 0] = box('vpcC');
      return `vp09.${two(profile)}.${two(level)}.${two(depth >> 4)}`;
    }
    case 'mp4a':
      return mp4a(box('esds').subarray(4));
    default:
      return codec;
  }
}

/** ISO/IEC 14496-15 annex E.3. */
function hevc(config: Uint8Array): string {
  const first = config[1] ?? 0;
  const flags = Buffer.from(config).readUInt32BE(2);
  const reversed = Number.parseInt([...flags.toString(2).padStart(32, '0')].reverse().join(''), 2);
  const constraints = [...config.subarray(6, 12)].map((byte) => byte.toString(16));
  while (constraints.at(-1) === '0') {
    constraints.pop();
  }
  const profile = `${['', 'a', 'b', 'c'][first >> 6]}${first & 31}`;
  return ['hvc1', profile, reversed.toString(16), `${first & 0x20 ? 'H' : 'L'}${config[12]}`, ...constraints].join('.');
}

/** ISO/IEC 14496-1 §7.2.6: tags 3 and 4 hold others, tag 5 is the AudioSpecificConfig. */
function mp4a(descriptors: Uint8Array): string {
  let at = 0;
  let objectType = 0;
  while (at < descriptors.length) {
    const tag = descriptors[at];
    at += 1;
    while ((descriptors[at] ?? 0) & 0x80) {
      at += 1;
    }
    at += 1;
    if (tag === 3) {
      at += 3;
    } else if (tag === 4) {
      objectType = descriptors[at] ?? 0;
      at += 13;
    } else if (tag === 5) {
      const [first = 0, second = 0] = descriptors.subarray(at);
      const type = first >> 3;
      return `mp4a.40.${type === 31 ? 32 + (((first & 7) << 3) | (second >> 5)) : type}`;
    } else {
      break;
    }
  }
  return `mp4a.${hex(objectType)}`;
}
