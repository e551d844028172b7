import { parseAv1Sequence } from '../../../media/av1/params.ts';
import { codecOf } from '../../../media/codecs.ts';
import { parseOpusLayout, writeOpusLayout } from '../../../media/opus/layout.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { AudioTrack, H264Track, H265Track, Track, VideoTrack } from '../../../media/sample/track.ts';
import type { OpusSound } from '../../../stream/audio-forms.ts';
import { hasFeedback, type Offer, type OfferSection, reasonsOf, rtxOf, whyNothingGoesOut } from './offer.ts';
import { hopeless } from './refusals.ts';

/** The part of a track that a browser plays, and what it calls it. */
export interface Choice {
  /** The track's number in its stream; -1: nothing is sent, the section is there because players want it. */
  readonly track: number;
  readonly section: OfferSection;
  readonly format: RtpFormat;
  /** For what was lost and is sent again; undefined: the browser has none. */
  readonly rtx: RtpFormat | undefined;
  /** It is sent as Opus that is made of it. */
  readonly isTurned?: boolean;
}

/** Sound that browsers do not take becomes Opus where nothing stands in the way, which it says otherwise. */
export type Turning = Pick<OpusSound, 'whyNot'>;

/** What of a stream goes to a browser. */
export interface Choices {
  readonly video: Choice | undefined;
  readonly audio: Choice | undefined;
  /** What stays behind of the kinds that the player asks for, in words for the log and for people, without commas. */
  readonly leftOut: readonly string[];
}

/** Nothing is turned. */
const AS_IT_IS: Turning = { whyNot: () => '' };

const SUPPORTED = 'AV1, VP9, VP8, H265, H264, Opus, and with one channel G722 and G711 of 8000 Hz';
const UNPLAYABLE = 'browsers cannot play it over WebRTC';
const OPUS_CLOCK_HZ = 48_000;

/**
 * Finds what the browser can play of the stream, with the payload types that it gave.
 * Throws when it could play nothing, or not the picture: a player can then say why.
 */
export function chooseCodecs(tracks: readonly Track[], offer: Offer, turning = AS_IT_IS): Choices {
  const videoSection = sectionFor('video', offer);
  const audioSection = sectionFor('audio', offer);
  if (!videoSection && !audioSection) {
    const why = reasonsOf(offer, whyNothingGoesOut) || ': it has no video and no audio section';
    throw hopeless(`the offer wants to receive nothing${why}`);
  }
  const videoTrack = preferredVideo(tracks, videoSection);
  if (videoTrack < 0 && !tracks.some((track) => isSendable(track) || isTurnable(track, turning))) {
    const codecs =
      tracks.map((track) => `${nameOf(track)} (${whyUnplayable(track, turning)})`).join(', ') || 'no tracks';
    throw hopeless(`the stream has no codec that WebRTC supports: it has ${codecs}, supported are ${SUPPORTED}`);
  }
  const video = videoSection && videoTrack >= 0 ? chooseVideo(tracks, videoTrack, videoSection) : undefined;
  const audio = audioSection && (chooseAudio(tracks, audioSection) ?? chooseTurned(tracks, audioSection, turning));
  if (!video && !audio) {
    const wanted = tracks.map(nameOf).join(' and ');
    const why = reasonsOf(offer, whyNothingGoesOut);
    throw hopeless(`codecs not supported by client: the stream has ${wanted}, the offer takes none of it${why}`);
  }
  return {
    video,
    // A stream without sound still has a silent section: players wait for both kinds.
    audio: audio ?? silent(audioSection),
    leftOut: tracks.flatMap((track, i) =>
      i === video?.track || i === audio?.track || !isAskedFor(track, offer)
        ? []
        : [whyLeftOut(track, track.kind === 'video' ? video : audio, offer, turning)],
    ),
  };
}

/** A player for pictures only misses no sound. */
const isAskedFor = ({ kind }: Track, { sections }: Offer): boolean =>
  (kind !== 'audio' && kind !== 'video') || sections.some((section) => section.kind === kind);

/** Why browsers hear nothing of a stream with sound, in words; undefined: they hear it, or there is none. */
export function whySilent(tracks: readonly Track[], turning = AS_IT_IS): string | undefined {
  const sounds = tracks.filter((track) => track.kind === 'audio');
  if (sounds.length === 0 || sounds.some((track) => isSendable(track) || isTurnable(track, turning))) {
    return undefined;
  }
  return sounds.map((track) => `${nameOf(track)} (${whyUnplayable(track, turning)})`).join(', ');
}

/** @param sent what goes in its place */
function whyLeftOut(track: Track, sent: Choice | undefined, offer: Offer, turning: Turning): string {
  const canBeSent = isSendable(track) || isTurnable(track, turning);
  const section = offer.sections.find(({ kind }) => kind === track.kind);
  const idle = section && !sectionFor(track.kind, offer) ? whyNothingGoesOut(section) : undefined;
  const notTaken = idle === undefined ? 'the player does not take it' : `the player's section ${idle}`;
  const why = !canBeSent ? whyUnplayable(track, turning) : sent ? `another ${track.kind} is sent` : notTaken;
  return `${track.kind} ${nameOf(track)} (${why})`;
}

const isTurnable = (track: Track, turning: Turning): track is AudioTrack =>
  track.kind === 'audio' && track.codec !== 'opus' && turning.whyNot(track) === undefined;

/** Of a track that is not sendable. */
function whyUnplayable(track: Track, turning: Turning): string {
  const why = track.kind === 'audio' ? turning.whyNot(track) : '';
  return why ? `${UNPLAYABLE}: ${why}` : UNPLAYABLE;
}

/** As people say it: nobody looks for the name that the standard has for AAC. */
const nameOf = (track: Track): string => (track.codec === 'aac' ? 'AAC' : codecOf(track).label);

function isSendable(track: Track): boolean {
  const { webrtc } = codecOf(track);
  return webrtc !== undefined && (webrtc.takes?.(track) ?? true);
}

function sectionFor(kind: string, offer: Offer): OfferSection | undefined {
  return offer.sections.find((section) => section.kind === kind && whyNothingGoesOut(section) === undefined);
}

/** The number of the track to send, or of the one to give as the reason why there is no picture; -1: the stream has none. */
function preferredVideo(tracks: readonly Track[], section: OfferSection | undefined): number {
  const ranked = tracks
    .map((track, number) => ({ number, priority: codecOf(track).webrtc?.priority ?? Number.MAX_VALUE, track }))
    .filter(({ track }) => track.kind === 'video')
    .sort((a, b) => a.priority - b.priority);
  const isOffered = ({ track }: { track: Track }): boolean =>
    section?.formats.some((format) => format.encoding === codecOf(track).webrtc?.encoding(track)) ?? false;
  return (ranked.find(isOffered) ?? ranked[0])?.number ?? -1;
}

function chooseVideo(tracks: readonly Track[], number: number, section: OfferSection): Choice {
  const format = formatFor(tracks[number] as VideoTrack, section);
  return {
    track: number,
    section,
    format,
    rtx: hasFeedback(section, format, 'nack') ? rtxOf(section, format) : undefined,
  };
}

function formatFor(track: VideoTrack, section: OfferSection): RtpFormat {
  switch (track.codec) {
    case 'h264':
      return chooseH264(track, section);
    case 'h265':
      return chooseH265(track, section);
    case 'av1':
      // "RTP Payload Format For AV1" §7.2: without a profile it is Main (0).
      return chooseByProfile('AV1', 'profile', parseAv1Sequence(track.sequenceHeader).profile, section);
    case 'vp9':
      // RFC 9628 §6: without a profile-id it is 0.
      return chooseByProfile('VP9', 'profile-id', track.profile, section);
    case 'vp8':
      return chooseByProfile('VP8', undefined, 0, section);
    case 'mjpeg':
    case 'mpeg4-video':
      throw hopeless(
        `the video is ${codecOf(track).label}, which no browser takes over WebRTC: set the camera to H264, or watch it over RTSP`,
      );
  }
}

function chooseByProfile(encoding: string, key: string | undefined, profile: number, section: OfferSection): RtpFormat {
  const offered = section.formats.filter((format) => format.encoding === encoding);
  const best = offered.find((format) => key === undefined || Number(format.fmtp.get(key) ?? 0) === profile);
  if (!best) {
    const why = offered.length > 0 ? `does not offer its profile ${profile}` : `does not offer ${encoding}`;
    throw hopeless(`codecs not supported by client: the video is ${encoding} and this player ${why}`);
  }
  return best;
}

/** Only packetization-mode 1 has fragments (RFC 6184 §6.3). The stream's own profile first, then the usual ones: browsers decode more than they name. */
function chooseH264(track: H264Track, section: OfferSection): RtpFormat {
  const offered = section.formats.filter((format) => format.encoding === 'H264');
  const usable = offered.filter((format) => format.fmtp.get('packetization-mode') === '1');
  const profile = track.sps[1] ?? 0;
  const rank = (format: RtpFormat): number => {
    const id = (format.fmtp.get('profile-level-id') ?? '42001f').toLowerCase();
    if (Number.parseInt(id.slice(0, 2), 16) === profile) {
      return id.startsWith('42e0') ? 0 : 1;
    }
    return id.startsWith('42e0') ? 2 : 3;
  };
  const best = usable.toSorted((a, b) => rank(a) - rank(b))[0];
  if (!best) {
    const why = offered.length > 0 ? 'offers H264 with packetization-mode 0 only' : 'does not offer H264';
    throw hopeless(`codecs not supported by client: the video is H264 and this player ${why}`);
  }
  return best;
}

/** RFC 7798 §7.1: without a profile-id the profile is Main (1). */
function chooseH265(track: H265Track, section: OfferSection): RtpFormat {
  const offered = section.formats.filter((format) => format.encoding === 'H265');
  // After the two-byte header and a byte of identifiers: profile space (2), tier (1), profile (5), ISO/IEC 23008-2 §7.3.3.
  const profile = (track.sps[3] ?? 1) & 0x1f;
  const best = offered.find((format) => Number(format.fmtp.get('profile-id') ?? 1) === profile);
  if (!best) {
    const why = offered.length > 0 ? `does not offer its profile ${profile}` : 'does not offer H265';
    throw hopeless(`codecs not supported by client: the video is H265 and this player ${why}`);
  }
  return best;
}

/** The stream's first that the browser takes. */
function chooseAudio(tracks: readonly Track[], section: OfferSection): Choice | undefined {
  for (const [number, track] of tracks.entries()) {
    if (track.kind !== 'audio' || !isSendable(track)) {
      continue;
    }
    const format = section.formats.find((offered) => isSame(offered, track));
    if (format) {
      const isStereo = track.codec === 'opus' && track.channels === 2;
      return { track: number, section, format: isStereo ? withStereo(format) : format, rtx: undefined };
    }
  }
  return undefined;
}

function isSame(format: RtpFormat, track: AudioTrack): boolean {
  if (format.clockRate !== track.clockRate || format.encoding !== codecOf(track).webrtc?.encoding(track)) {
    return false;
  }
  if (track.codec === 'opus' && track.layout) {
    const offered = parseOpusLayout(format);
    return offered !== undefined && writeOpusLayout(offered) === writeOpusLayout(track.layout);
  }
  return true;
}

/** The stream's first that can be Opus. */
function chooseTurned(tracks: readonly Track[], section: OfferSection, turning: Turning): Choice | undefined {
  const format = section.formats.find(({ encoding, clockRate }) => encoding === 'OPUS' && clockRate === OPUS_CLOCK_HZ);
  for (const [number, track] of tracks.entries()) {
    if (format && isTurnable(track, turning)) {
      const chosen = track.channels === 2 ? withStereo(format) : format;
      return { track: number, section, format: chosen, rtx: undefined, isTurned: true };
    }
  }
  return undefined;
}

/** RFC 7587 §6.1: browsers play Opus with one channel unless told otherwise. */
function withStereo(format: RtpFormat): RtpFormat {
  return { ...format, fmtp: new Map([...format.fmtp, ['stereo', '1'], ['sprop-stereo', '1']]) };
}

function silent(section: OfferSection | undefined): Choice | undefined {
  const format =
    section?.formats.find((offered) => offered.encoding === 'PCMU') ??
    section?.formats.find((offered) => offered.encoding === 'OPUS' || offered.encoding === 'PCMA');
  return section && format && { track: -1, section, format, rtx: undefined };
}
