import type { AvailableTrack } from '../../config/schema/sources/always-available.ts';
import { writeAacConfig } from '../../media/aac/params.ts';
import type { Track } from '../../media/sample/track.ts';
import { silentFrame } from '../../media/silence.ts';
import { OfflinePicture } from './offline-picture.ts';

/** The next sample of a track that has no source, without times. */
export interface OfflineSample {
  readonly data: Uint8Array;
  readonly isKey: boolean;
  /** Presentation minus decode time in ticks of the track; absent: 0. */
  readonly ptsOffset?: number;
  /** Its duration in ticks of the track. */
  readonly ticks: number;
}

/** Media of one track while it has no source. */
export interface OfflineMedia {
  /** Description of the samples. */
  readonly track: Track;
  /** @returns undefined if there is nothing to send */
  next(now: OfflineTimes): OfflineSample | undefined;
  /** The next sample is a key sample. */
  requestKeyFrame?(): void;
}

/** Unix milliseconds. */
interface OfflineTimes {
  /** Undefined: the source was never online. */
  readonly sinceMs: number | undefined;
  readonly nowMs: number;
}

/** @param lastKey last key sample of the source */
export function offlineMedia(track: Track, lastKey: Uint8Array | undefined): OfflineMedia {
  if (track.codec === 'h264') {
    return new OfflineVideo(track.width, track.height);
  }
  return track.kind === 'video' ? new RepeatedPicture(track, lastKey) : new Silence(track);
}

class OfflineVideo implements OfflineMedia {
  readonly #picture: OfflinePicture;

  constructor(width: number, height: number) {
    this.#picture = new OfflinePicture(width, height);
  }

  get track(): Track {
    return this.#picture.track;
  }

  next({ sinceMs, nowMs }: OfflineTimes): OfflineSample {
    return { ...this.#picture.next(sinceMs, nowMs), ticks: this.#picture.ticks };
  }

  requestKeyFrame(): void {
    this.#picture.requestKeyFrame();
  }
}

/** Repeats the source's last key sample: Perch can encode H.264 only. */
class RepeatedPicture implements OfflineMedia {
  readonly track: Track;
  readonly #data: Uint8Array | undefined;

  constructor(track: Track, lastKey: Uint8Array | undefined) {
    this.track = track;
    this.#data = lastKey;
  }

  next(): OfflineSample | undefined {
    return this.#data && { data: this.#data, isKey: true, ticks: this.track.clockRate };
  }
}

const PACKET_MS = 20;
/** G.711's codes of zero, ITU-T G.711 tables 1a and 2a. */
const G711_ZERO = { a: 0xd5, mu: 0xff } as const;

/** Silence of an audio track. For a codec without a silent frame here it sends nothing: a track may pause. */
class Silence implements OfflineMedia {
  readonly track: Track;
  readonly #sample: OfflineSample | undefined;

  constructor(track: Track) {
    this.track = track;
    const silent = pcmSilence(track) ?? silentFrame(track);
    this.#sample = silent && { ...silent, isKey: true };
  }

  next(): OfflineSample | undefined {
    return this.#sample;
  }
}

function pcmSilence(track: Track): { data: Uint8Array; ticks: number } | undefined {
  const ticks = Math.round((track.clockRate * PACKET_MS) / 1_000);
  if (track.codec === 'g711') {
    return { data: new Uint8Array(ticks * track.channels).fill(G711_ZERO[track.law]), ticks };
  }
  if (track.codec === 'lpcm') {
    const bytes = (ticks * track.channels * track.bitDepth) / 8;
    // 8-bit samples are unsigned: silence is 128.
    return { data: new Uint8Array(bytes).fill(track.bitDepth === 8 ? 128 : 0), ticks };
  }
  return undefined;
}

/** Size of the picture before the source is known, in pixels. */
const [WIDTH, HEIGHT] = [1280, 720];

/** @returns none if a description is known from the source only: video other than H.264 */
export function configuredTracks(tracks: readonly AvailableTrack[]): readonly Track[] {
  const known = tracks.map(trackOf);
  return known.every((track) => track !== undefined) ? known : [];
}

function trackOf({ codec, sampleRate: clockRate, channelCount: channels, muLaw }: AvailableTrack): Track | undefined {
  switch (codec) {
    case 'H264':
      return new OfflinePicture(WIDTH, HEIGHT).track;
    case 'Opus':
      return { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: channels || 2 };
    case 'G711':
      return { kind: 'audio', codec: 'g711', clockRate, channels, law: muLaw ? 'mu' : 'a' };
    case 'LPCM':
      return { kind: 'audio', codec: 'lpcm', clockRate, channels, bitDepth: 16 };
    case 'MPEG4Audio': {
      const config = writeAacConfig(clockRate, channels);
      return config && { kind: 'audio', codec: 'aac', clockRate, channels, config, frameSamples: 1_024 };
    }
    default:
      return undefined;
  }
}
