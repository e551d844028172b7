import type { CameraProfile } from './profiles.ts';

/** What it is chosen by. */
type Sized = Pick<CameraProfile, 'width' | 'height'>;

/** The size that a grid of cameras shows well and a phone's link carries. */
const SUB_WIDTH = 640;
const SUB_HEIGHT = 360;

/** A profile that does not say its size counts as having none. */
const pixelsOf = (profile: Sized): number => (profile.width ?? 0) * (profile.height ?? 0);

/** Main: the most pixels. Sub: the nearest to 640x360 of those that are smaller than the main one. */
export function chooseProfiles<P extends Sized>(
  profiles: readonly P[],
): { readonly main: P | undefined; readonly sub: P | undefined } {
  const main = profiles.toSorted((a, b) => pixelsOf(b) - pixelsOf(a))[0];
  const distance = (profile: P) => Math.abs(Math.log(pixelsOf(profile) / (SUB_WIDTH * SUB_HEIGHT)));
  const smaller = profiles.filter((profile) => main && pixelsOf(profile) > 0 && pixelsOf(profile) < pixelsOf(main));
  return { main, sub: smaller.toSorted((a, b) => distance(a) - distance(b))[0] };
}
