import { parseAv1Sequence } from '../../../media/av1/params.ts';
import { codecOf, isMetadata } from '../../../media/codecs.ts';
import { parseOpusLayout, writeOpusLayout } from '../../../media/opus/params.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';
import type { AudioTrack, H264Track, H265Track, Track, VideoTrack } from '../../../media/sample/track.ts';
import type { OpusPacketMs, OpusSound } from '../../../stream/contracts.ts';
import type { Stream } from '../../../stream/stream.ts';
import { cannotReceiveReason, hasFeedback, type Offer, type OfferSection, reasonsOf, rtxOf } from './offer.ts';
import { offerError } from './rejections.ts';

/** A track to send, in a format of the browser's offer. */
export interface Choice {
  /** The track's number in its stream; -1: a silent section, which players require. */
  readonly track: number;
  readonly section: OfferSection;
  readonly format: RtpFormat;
  /** Format of retransmissions, or undefined if the browser does not support them. */
  readonly rtx: RtpFormat | undefined;
  /** Opus that is transcoded from the track is sent, in packets of this duration. */
  readonly opusPacketMs?: OpusPacketMs;
}

export type OpusTranscoding = Pick<OpusSound, 'whyNot'>;

export interface Choices {
  readonly video: Choice | undefined;
  readonly audio: Choice | undefined;
  /** Tracks not sent although the player asked for their kind, in words without commas. */
  readonly leftOut: readonly string[];
}

const NO_TRANSCODING: OpusTranscoding = { whyNot: () => '' };

const SUPPORTED = 'AV1, VP9, VP8, H265, H264, Opus, and with one channel G722 and G711 of 8000 Hz';
const UNPLAYABLE = 'browsers cannot play it over WebRTC';
const OPUS_CLOCK_HZ = 48_000;
/** Most of the cost of sound is that of its packets. */
const LONG_PACKET_MS = 60;

/**
 * Selects the tracks that the browser can play, with its payload types.
 * @throws PerchError if it can play nothing, or no video, with the reason
 */
export function chooseCodecs(tracks: readonly Track[], offer: Offer, transcoding = NO_TRANSCODING): Choices {
  const videoSection = sectionFor('video', offer);
  const audioSection = sectionFor('audio', offer);
  if (!videoSection && !audioSection) {
    const why = reasonsOf(offer, cannotReceiveReason) || ': it has no video and no audio section';
    throw offerError(`the offer wants to receive nothing${why}`);
  }
  const videoTrack = preferredVideo(tracks, videoSection);
  if (videoTrack < 0 && !tracks.some((track) => isSendable(track) || isTranscodable(track, transcoding))) {
    const codecs =
      tracks.map((track) => `${codecName(track)} (${unplayableReason(track, transcoding)})`).join(', ') || 'no tracks';
    throw offerError(`the stream has no codec that WebRTC supports: it has ${codecs}, supported are ${SUPPORTED}`);
  }
  const video = videoSection && videoTrack >= 0 ? chooseVideo(tracks, videoTrack, videoSection) : undefined;
  const audio =
    audioSection && (chooseAudio(tracks, audioSection) ?? chooseTranscoded(tracks, audioSection, transcoding));
  if (!video && !audio) {
    const wanted = tracks.map(codecName).join(' and ');
    const why = reasonsOf(offer, cannotReceiveReason);
    throw offerError(`codecs not supported by client: the stream has ${wanted}, the offer takes none of it${why}`);
  }
  return {
    video,
    // A stream without audio still has a silent section: players wait for both kinds.
    audio: audio ?? silent(audioSection),
    leftOut: tracks.flatMap((track, i) =>
      i === video?.track || i === audio?.track || !isAskedFor(track, offer)
        ? []
        : [leftOutReason(track, track.kind === 'video' ? video : audio, offer, transcoding)],
    ),
  };
}

/** The stream of the sound that is sent instead of the track's own, or undefined if that one or none is sent. */
export function transcodedSound(sound: OpusSound, stream: Stream, { audio }: Choices): Stream | undefined {
  return audio?.opusPacketMs && sound.of(stream, audio.track, audio.opusPacketMs);
}

/** The tracks to offer to a server: the video that WebRTC prefers, and the first audio that it carries or that can be transcoded. */
export function sendableTracks(
  tracks: readonly Track[],
  transcoding: OpusTranscoding,
): { readonly video: Track | undefined; readonly audio: Track | undefined } {
  const sendable = tracks.filter(isSendable);
  const priorityOf = (track: Track): number => codecOf(track).webrtc?.priority ?? Number.MAX_VALUE;
  const [video] = sendable.filter(({ kind }) => kind === 'video').sort((a, b) => priorityOf(a) - priorityOf(b));
  const audio =
    sendable.find(({ kind }) => kind === 'audio') ?? tracks.find((track) => isTranscodable(track, transcoding));
  return { video, audio };
}

/** A player for video alone misses no audio, and none misses metadata. */
const isAskedFor = (track: Track, { sections }: Offer): boolean =>
  track.kind === 'audio' || track.kind === 'video'
    ? sections.some(({ kind }) => kind === track.kind)
    : !isMetadata(track);

/** Why browsers hear nothing of a stream with audio, or undefined if they do, or there is none. */
export function noAudioReason(tracks: readonly Track[], transcoding = NO_TRANSCODING): string | undefined {
  const sounds = tracks.filter((track) => track.kind === 'audio');
  if (sounds.length === 0 || sounds.some((track) => isSendable(track) || isTranscodable(track, transcoding))) {
    return undefined;
  }
  return sounds.map((track) => `${codecName(track)} (${unplayableReason(track, transcoding)})`).join(', ');
}

/** The entry of `leftOut` for a track: kind, codec and reason. @param sent the track that is sent instead */
function leftOutReason(track: Track, sent: Choice | undefined, offer: Offer, transcoding: OpusTranscoding): string {
  const canBeSent = isSendable(track) || isTranscodable(track, transcoding);
  const section = offer.sections.find(({ kind }) => kind === track.kind);
  const idle = section && !sectionFor(track.kind, offer) ? cannotReceiveReason(section) : undefined;
  const notTaken = idle === undefined ? 'the player does not take it' : `the player's section ${idle}`;
  const why = !canBeSent ? unplayableReason(track, transcoding) : sent ? `another ${track.kind} is sent` : notTaken;
  return `${track.kind} ${codecName(track)} (${why})`;
}

const isTranscodable = (track: Track, transcoding: OpusTranscoding): track is AudioTrack =>
  track.kind === 'audio' && track.codec !== 'opus' && transcoding.whyNot(track) === undefined;

function unplayableReason(track: Track, transcoding: OpusTranscoding): string {
  const why = track.kind === 'audio' ? transcoding.whyNot(track) : '';
  return why ? `${UNPLAYABLE}: ${why}` : UNPLAYABLE;
}

/** AAC's registered name is MPEG-4 Audio, which users do not search for. */
const codecName = (track: Track): string => (track.codec === 'aac' ? 'AAC' : codecOf(track).label);

function isSendable(track: Track): boolean {
  const { webrtc } = codecOf(track);
  return webrtc !== undefined && (webrtc.takes?.(track) ?? true);
}

function sectionFor(kind: string, offer: Offer): OfferSection | undefined {
  return offer.sections.find((section) => section.kind === kind && cannotReceiveReason(section) === undefined);
}

/** The track to send, else the one that explains why there is no video; -1: the stream has none. */
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
    case 'mpeg-video':
      throw offerError(
        `the video is ${codecOf(track).label}, which no browser takes over WebRTC: set the camera to H264, or watch it over RTSP`,
      );
  }
}

function chooseByProfile(encoding: string, key: string | undefined, profile: number, section: OfferSection): RtpFormat {
  const offered = section.formats.filter((format) => format.encoding === encoding);
  const best = offered.find((format) => key === undefined || Number(format.fmtp.get(key) ?? 0) === profile);
  if (!best) {
    const why = offered.length > 0 ? `does not offer its profile ${profile}` : `does not offer ${encoding}`;
    throw offerError(`codecs not supported by client: the video is ${encoding} and this player ${why}`);
  }
  return best;
}

/**
 * Only packetization-mode 1 allows fragments (RFC 6184 §6.3). Prefers the stream's profile, then the usual ones:
 * browsers decode more than they list.
 */
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
    throw offerError(`codecs not supported by client: the video is H264 and this player ${why}`);
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
    throw offerError(`codecs not supported by client: the video is H265 and this player ${why}`);
  }
  return best;
}

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

function chooseTranscoded(
  tracks: readonly Track[],
  section: OfferSection,
  transcoding: OpusTranscoding,
): Choice | undefined {
  const format = section.formats.find(({ encoding, clockRate }) => encoding === 'OPUS' && clockRate === OPUS_CLOCK_HZ);
  for (const [number, track] of tracks.entries()) {
    if (format && isTranscodable(track, transcoding)) {
      const chosen = track.channels === 2 ? withStereo(format) : format;
      const opusPacketMs = section.maxPacketMs < LONG_PACKET_MS ? 20 : LONG_PACKET_MS;
      return { track: number, section, format: chosen, rtx: undefined, opusPacketMs };
    }
  }
  return undefined;
}

/** RFC 7587 §6.1: browsers play mono unless the parameters say otherwise. */
function withStereo(format: RtpFormat): RtpFormat {
  return { ...format, fmtp: new Map([...format.fmtp, ['stereo', '1'], ['sprop-stereo', '1']]) };
}

function silent(section: OfferSection | undefined): Choice | undefined {
  const format =
    section?.formats.find((offered) => offered.encoding === 'PCMU') ??
    section?.formats.find((offered) => offered.encoding === 'OPUS' || offered.encoding === 'PCMA');
  return section && format && { track: -1, section, format, rtx: undefined };
}
