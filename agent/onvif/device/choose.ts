import type { CameraProfile } from './profiles.ts';

export type PreferredCodec = 'h264' | 'h265';

/** What it is chosen by. */
type Choosable = Pick<CameraProfile, 'width' | 'height' | 'codec'>;

/** The size that a grid of cameras shows well and a phone's link carries. */
const SUB_WIDTH = 640;
const SUB_HEIGHT = 360;
/** 720p: more is no sub stream. */
const MAX_SUB_PIXELS = 1280 * 720;
/** A codec that is not the preferred one counts as if the size were wrong by this factor. */
const OTHER_CODEC_FACTOR = 2;

/** A profile that does not say its size counts as having none. */
const pixelsOf = (profile: Choosable): number => (profile.width ?? 0) * (profile.height ?? 0);

/**
 * Main: the most pixels, the preferred codec as long as it costs less than half of them. Sub: of those that are smaller than the main
 * one and at most 720p the nearest to 640x360. Pictures one by one (JPEG, MPEG-4) only where there is nothing else.
 */
export function chooseProfiles<P extends Choosable>(
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
