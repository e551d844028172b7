import type { CameraProfile } from './profiles.ts';

export type PreferredCodec = 'h264' | 'h265';

/** Suits a grid of cameras and a phone's link. */
const SUB_WIDTH = 640;
const SUB_HEIGHT = 360;
/** 720p: a sub stream is not larger. */
const MAX_SUB_PIXELS = 1280 * 720;
/** Another codec than the preferred one weighs as much as this factor in size. */
const OTHER_CODEC_FACTOR = 2;

/** 0 if the profile does not state its size. */
const pixelsOf = (profile: Pick<CameraProfile, 'width' | 'height'>): number =>
  (profile.width ?? 0) * (profile.height ?? 0);

/**
 * Main: the most pixels; the preferred codec unless it costs more than half of them. Sub: smaller than main, at most 720p, nearest to
 * 640x360. JPEG and MPEG-4 only if there is nothing else.
 */
export function chooseProfiles<P extends Pick<CameraProfile, 'width' | 'height' | 'codec'>>(
  profiles: readonly P[],
  prefers: PreferredCodec = 'h264',
): { readonly main: P | undefined; readonly sub: P | undefined } {
  const modern = profiles.filter(({ codec }) => codec === undefined || codec === 'H264' || codec === 'H265');
  const able = modern.length > 0 ? modern : profiles;
  const isPreferred = (profile: P): boolean => profile.codec?.toLowerCase() === prefers;
  const worth = (profile: P): number => pixelsOf(profile) * (isPreferred(profile) ? OTHER_CODEC_FACTOR : 1);
  const main = able.toSorted((a, b) => worth(b) - worth(a) || Number(isPreferred(b)) - Number(isPreferred(a)))[0];
  const distance = (profile: P): number =>
    Math.abs(Math.log(pixelsOf(profile) / (SUB_WIDTH * SUB_HEIGHT))) +
    (isPreferred(profile) ? 0 : Math.log(OTHER_CODEC_FACTOR));
  const smaller = able.filter((profile) => {
    const pixels = pixelsOf(profile);
    return main && pixels > 0 && pixels < pixelsOf(main) && pixels <= MAX_SUB_PIXELS;
  });
  return { main, sub: smaller.toSorted((a, b) => distance(a) - distance(b))[0] };
}
